"""Clusters of the cells of each image, which of them belong together, and pictures of them."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.optimize import linear_sum_assignment

from ...descriptors import Descriptor
from ...descriptors.errors import OptionError
from ...descriptors.features.grids import Grid, at_cells
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.runtime.quiet import without_warnings
from ...descriptors.settings import check_float, check_int
from ..feature_maps import MapOrImage
from ..resolution import spread
from .canvas import Canvas, Drawing
from .legend import with_numbers
from .letters import text_size
from .painting import NEUTRAL, Mask, Picture, check_width, cut_out, pixel_cells, tint_photograph
from .palette import CLUSTER_COLORS
from .scenes import OPACITY, Photograph, Scene, label_cells

CLUSTERS = 6
OUTSIDE = -1  # the label of cells outside a mask
_STARTS = 4  # how many times k-means begins anew; the best of its answers counts
_TAG = 0.042  # height of the number of a cluster, as a share of the root of the picture's area
_SMALLEST_TAG = 8
"""Height of a number, in pixels; a cluster too thin for it is told by its colour alone."""
_DISC = 0.75  # radius of the disc under a number, as a multiple of its height


def matched_clusters(
    inputs: Sequence[MapOrImage],
    descriptor: Descriptor | None = None,
    *,
    clusters: int = CLUSTERS,
    masks: Sequence[MaskLike | None] | None = None,
    seed: int = 0,
) -> list[xr.DataArray]:
    """Which cluster each cell is in, with equal numbers for clusters that belong together.

    The cells of each image are clustered by k-means on their own. The clusters of each other image
    are then assigned to those of the first, one to one, so that the sum of the cosines of their
    centroids is largest (the Hungarian method), as in "A Tale of Two Features" (section 4).

    Raises as `joint_pca` does, and `OptionError` for more clusters than an image has different
    cells.

    Args:
        inputs, descriptor, masks: As in `joint_pca`. Only cells inside the masks are clustered.
        clusters: How many per image, from 2 to 12.
        seed: Of the centroids that k-means begins with: the same gives the same clusters.

    Returns:
        list of xarray.DataArray: Per image (y, x), int64, with labels from 0 and -1 outside the
            mask; `y` and `x` in pixels of the image. In the first image cluster 0 has the most
            cells. The attribute `similarity` holds for each label the cosine of its centroid with
            that of the first image.
    """
    check_clusters(clusters, seed)
    scene = Scene.of(inputs, descriptor, masks=masks)
    return cluster_maps(scene.maps, scene.inside(), clusters, seed)


def check_clusters(clusters: int, seed: int = 0) -> None:
    """Raise `OptionError` for a number of clusters or a seed that can't be."""
    check_int("clusters", clusters, minimum=2, maximum=len(CLUSTER_COLORS))
    check_int("seed", seed, minimum=0, maximum=2**32 - 1)


def cluster_maps(
    maps: Sequence[xr.DataArray], inside: Sequence[Mask], clusters: int, seed: int = 0
) -> list[xr.DataArray]:
    """The labels of these maps, where `inside` says which cells count."""
    labelled: list[xr.DataArray] = []
    reference: npt.NDArray[np.float64] | None = None
    for fmap, where in zip(maps, inside, strict=True):
        labels, centroids = _cluster(fmap, where, clusters, seed)
        if reference is None:
            # The largest first; of equal ones that which comes first from the top left.
            order = np.argsort(-np.bincount(labels, minlength=clusters), kind="stable")
            reference = centroids[order]
        else:
            order = assign_centroids(reference, centroids)
        values = np.full(where.shape, OUTSIDE, dtype=np.int64)
        values[where] = np.argsort(order)[labels]
        similarity = _cosines(reference, centroids[order]).diagonal().tolist()
        labelled.append(label_cells(fmap, values, "cluster", similarity=similarity))
    return labelled


def assign_centroids(
    reference: npt.NDArray[np.float64], centroids: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    """For each row of `reference` (cluster, channel) the row of `centroids` that belongs to it.

    One to one, with the largest sum of cosines.
    """
    _, columns = linear_sum_assignment(_cosines(reference, centroids), maximize=True)
    return np.asarray(columns)


def _cluster(
    fmap: xr.DataArray, inside: Mask, clusters: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The cluster of each cell inside, numbered by where they first occur, and the centroids."""
    from sklearn.cluster import KMeans

    cells = np.ascontiguousarray(fmap.values[:, inside].T)
    name = fmap.attrs["image_name"]
    if len(cells) < clusters:
        raise OptionError(
            f"{name} has too few cells for {clusters} clusters: {len(cells)}",
            hint="ask for fewer clusters, or give a larger mask",
        )
    means = KMeans(clusters, n_init=_STARTS, random_state=seed)
    with without_warnings():
        # It warns of fewer different cells than clusters, which is an error here.
        labels = means.fit_predict(cells)
    occurring, first = np.unique(labels, return_index=True)
    if len(occurring) < clusters:
        raise OptionError(
            f"{name} has too few different cells for {clusters} clusters: {len(occurring)}",
            hint="ask for fewer clusters",
        )
    order = np.argsort(first)
    return np.argsort(order)[labels], np.asarray(means.cluster_centers_[order], dtype=np.float64)


def _cosines(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The cosines (row of the first, row of the second); those of a row of length 0 are 0."""
    unit, other = (
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        for rows in (first, second)
    )
    return np.asarray(unit @ other.T)


def draw_clusters(
    inputs: Sequence[MapOrImage],
    descriptor: Descriptor | None = None,
    *,
    clusters: int = CLUSTERS,
    images: Sequence[ImageLike] | None = None,
    masks: Sequence[MaskLike | None] | None = None,
    seed: int = 0,
    opacity: float = OPACITY,
    width: int = 1600,
    titles: bool = False,
) -> Drawing:
    """`matched_clusters` as a picture, under the photographs.

    Clusters that belong together have one colour, of an opacity from 0 to 1, and one number,
    counted from 1. Takes and raises what `matched_clusters` does; `images`, `width` and `titles`
    are those of `draw_pca`.
    """
    check_width(width)
    check_float("opacity", opacity, minimum=0, maximum=1)
    check_clusters(clusters, seed)
    scene = Scene.of(inputs, descriptor, images, masks)
    labels = cluster_maps(scene.maps, scene.inside(), clusters, seed)
    return paint_clusters(labels, scene, opacity=opacity, width=width, titles=titles)


def paint_clusters(
    labels: Sequence[xr.DataArray],
    scene: Scene,
    *,
    width: int,
    titles: bool,
    opacity: float = OPACITY,
) -> Drawing:
    """The regions of each image under its photograph, above a strip of all clusters."""
    views = scene.views(paint_regions, labels, opacity)
    picture = scene.draw(views, width=width, titles=titles)
    colors = CLUSTER_COLORS[: len(labels[0].attrs["similarity"])]
    return with_numbers(picture, colors, text_size(picture.shape[1]))


def paint_regions(
    labels: xr.DataArray,
    image: Photograph | None,
    mask: Mask | None,
    opacity: float,
    height: int,
    width: int,
) -> Picture:
    """The regions of an image in their colours, with their numbers, over the photograph."""
    values = labels.values
    if mask is not None:
        values = spread(values, at_cells(mask, Grid.of(labels)))
    rows, columns = pixel_cells(labels, height, width)
    regions = values[rows[:, None], columns[None, :]]
    picture = np.where((regions == OUTSIDE)[:, :, None], NEUTRAL, CLUSTER_COLORS[regions])
    picture = picture.astype(np.uint8)
    if image is not None:
        picture = tint_photograph(image.pixels, picture, opacity)
    picture = _draw_outlines(picture, regions)
    if mask is not None:
        picture = cut_out(picture, mask)
        size, nearest = (width, height), cv2.INTER_NEAREST
        covered = cv2.resize(mask.astype(np.uint8), size, interpolation=nearest)
        regions = np.where(covered > 0, regions, OUTSIDE)
    return _draw_numbers(picture, regions)


def _draw_outlines(picture: Picture, regions: npt.NDArray[np.int64]) -> Picture:
    """The picture with white lines between the regions."""
    edges = np.zeros(regions.shape, dtype=np.uint8)
    edges[:, 1:] |= regions[:, 1:] != regions[:, :-1]
    edges[1:] |= regions[1:] != regions[:-1]
    # In a small picture a line of one pixel would hide the regions: it lets them through.
    thickness = (picture.shape[0] * picture.shape[1]) ** 0.5 / 400
    wide = max(1, round(thickness))
    lines = cv2.dilate(edges, np.ones((wide, wide), np.uint8))[:, :, None] * min(thickness, 1.0)
    return np.asarray(np.rint(picture + (255.0 - picture) * lines), dtype=np.uint8)


def _draw_numbers(picture: Picture, regions: npt.NDArray[np.int64]) -> Drawing:
    """The picture with the number of each cluster in its broadest part, if that can hold it."""
    side = (picture.shape[0] * picture.shape[1]) ** 0.5
    size = max(_SMALLEST_TAG, round(side * _TAG))
    canvas = Canvas(picture, [], [])
    for label in range(int(regions.max()) + 1):
        # A border of zeros: the edge of the picture is an edge of the region.
        region = np.pad((regions == label).astype(np.uint8), 1)
        distance = cv2.distanceTransform(region, cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = np.unravel_index(int(distance.argmax()), distance.shape)
        # The disc covers nothing of other clusters.
        letters = min(size, int((distance[y, x] - 1) / _DISC))
        if letters >= _SMALLEST_TAG:
            canvas.circle((x, y), (255, 255, 255), letters * _DISC)
            canvas.write([(str(label + 1), float(x), float(y))], size=letters, anchor="m")
    return canvas.finish()
