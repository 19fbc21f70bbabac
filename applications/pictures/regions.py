"""Pictures of clusters: coloured and numbered regions, over the photograph where there is one."""

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Descriptor
from ...descriptors.features.grids import Grid, at_cells
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from .captions import write_texts
from .clusters import CLUSTERS, OUTSIDE, check_clusters, cluster_maps
from .legend import with_legend
from .overlay import Overlay, opaque
from .painting import NEUTRAL, Mask, Picture, cut_out, pixel_cells, spread_inside, tint_photograph
from .palette import CLUSTER_COLORS
from .resizing import resize_photograph
from .scenes import Photograph, Scene
from .sheet import View, check_width

_STRENGTH = 0.7
"""The share of the colour over the photograph."""
_TAG = 0.042
"""Height of the number of a cluster, as a share of the root of the picture's area."""
_SMALLEST_TAG = 8
"""Height of a number, in pixels; a cluster too thin for it is told by its colour alone."""
_DISC = 0.75
"""Radius of the disc under a number, as a multiple of its height."""


def draw_clusters(
    inputs: Sequence[xr.DataArray | ImageLike],
    descriptor: Descriptor | None = None,
    *,
    clusters: int = CLUSTERS,
    images: Sequence[ImageLike] | None = None,
    masks: Sequence[MaskLike | None] | None = None,
    seed: int = 0,
    width: int = 1600,
) -> Picture:
    """`matched_clusters` as a picture, uint8 (height, width, 3) RGB, under the photographs.

    Clusters that belong together have one colour and one number, counted from 1.

    Parameters
    ----------
    inputs, descriptor, clusters, masks, seed:
        As in `matched_clusters`.
    images:
        The photographs of feature maps; without them the colours stand alone.
    width:
        Of the picture, in pixels. It comes out narrower where it would be too tall.

    Raises
    ------
    DescrError
        As `matched_clusters`; `OptionError` if the images are not those of the maps.
    """
    check_width(width)
    check_clusters(clusters, seed)
    scene = Scene.of(inputs, descriptor, images, masks)
    labels = cluster_maps(scene.maps, scene.inside(), clusters, seed)
    return paint_clusters(labels, scene, width)


def paint_clusters(labels: Sequence[xr.DataArray], scene: Scene, width: int) -> Picture:
    """The regions of each image under its photograph, above a list of all clusters."""
    picture = scene.draw(cluster_views(labels, scene), width)
    colors = CLUSTER_COLORS[: len(labels[0].attrs["similarity"])]
    entries = [("", color, str(number)) for number, color in enumerate(colors, start=1)]
    return with_legend(picture, entries, max(11, picture.shape[1] // 62))


def cluster_views(labels: Sequence[xr.DataArray], scene: Scene) -> list[View]:
    """What draws the regions of each image."""
    each = zip(labels, scene.backgrounds, scene.masks, strict=True)
    return [partial(_draw, grid, image, mask) for grid, image, mask in each]


def _draw(
    labels: xr.DataArray, image: Photograph | None, mask: Mask | None, height: int, width: int
) -> Picture:
    values = labels.values
    if mask is not None:
        values = spread_inside(values, at_cells(mask, Grid.of(labels)))
    rows, columns = pixel_cells(labels, height, width)
    regions = values[rows[:, None], columns[None, :]]
    picture = np.where((regions == OUTSIDE)[:, :, None], NEUTRAL, CLUSTER_COLORS[regions])
    picture = picture.astype(np.uint8)
    if image is not None:
        photograph = resize_photograph(image.pixels, height, width)
        picture = tint_photograph(photograph, picture, _STRENGTH)
    picture = _outlined(picture, regions)
    if mask is not None:
        picture = cut_out(picture, mask)
        covered = cv2.resize(
            mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
        )
        regions = np.where(covered > 0, regions, OUTSIDE)
    return _numbered(picture, regions)


def _outlined(picture: Picture, regions: npt.NDArray[np.int64]) -> Picture:
    """The picture with white lines between the regions."""
    edges = np.zeros(regions.shape, dtype=np.uint8)
    edges[:, 1:] |= regions[:, 1:] != regions[:, :-1]
    edges[1:] |= regions[1:] != regions[:-1]
    # In a small picture a line of one pixel would hide the regions: it lets them through.
    thickness = (picture.shape[0] * picture.shape[1]) ** 0.5 / 400
    wide = max(1, round(thickness))
    lines = cv2.dilate(edges, np.ones((wide, wide), np.uint8))[:, :, None] * min(thickness, 1.0)
    return np.asarray(np.rint(picture + (255.0 - picture) * lines), dtype=np.uint8)


def _numbered(picture: Picture, regions: npt.NDArray[np.int64]) -> Picture:
    """The picture with the number of each cluster in its broadest part, if that can hold it."""
    side = (picture.shape[0] * picture.shape[1]) ** 0.5
    size = max(_SMALLEST_TAG, round(side * _TAG))
    overlay = Overlay(*picture.shape[:2])
    tags = []
    for label in range(int(regions.max()) + 1):
        # A border of zeros: the edge of the picture is an edge of the region.
        region = np.pad((regions == label).astype(np.uint8), 1)
        distance = cv2.distanceTransform(region, cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = np.unravel_index(int(distance.argmax()), distance.shape)
        # The disc covers nothing of other clusters.
        letters = min(size, int((distance[y, x] - 1) / _DISC))
        if letters >= _SMALLEST_TAG:
            overlay.dot((x, y), opaque((255, 255, 255)), letters * _DISC)
            tags.append(((str(label + 1), float(x), float(y)), letters))
    picture = overlay.over(picture)
    for tag, letters in tags:
        picture = write_texts(picture, [tag], size=letters, anchor="m")
    return picture
