"""Clusters of the cells of each image, and which of them belong together."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.optimize import linear_sum_assignment

from ...descriptors import Descriptor
from ...descriptors.errors import OptionError
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.runtime.quiet import without_warnings
from ...descriptors.settings import check_int
from .painting import Mask
from .palette import CLUSTER_COLORS
from .scenes import Scene, label_cells

CLUSTERS = 6
OUTSIDE = -1
"""The label of cells outside a mask."""
_STARTS = 4
"""How many times k-means begins anew; the best of its answers counts."""


def matched_clusters(
    inputs: Sequence[xr.DataArray | ImageLike],
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

    Parameters
    ----------
    inputs:
        Feature maps out of one `combine`, or images together with a descriptor.
    descriptor:
        What describes images.
    clusters:
        How many per image, from 2 to 12.
    masks:
        One per image, of its size, or None. Only cells inside are clustered.
    seed:
        Of the centroids that k-means begins with: the same gives the same clusters.

    Returns
    -------
    list of xarray.DataArray
        Per image (y, x), int64, with labels from 0 and -1 outside the mask; `y` and `x` in pixels
        of the image. In the first image cluster 0 has the most cells. The attribute `similarity`
        holds for each label the cosine of its centroid with that of the first image.

    Raises
    ------
    IncomparableFeaturesError, InvalidFeaturesError
        The maps don't go together, or are none.
    ImageError
        An image or a mask can't be read; a mask leaves no cell.
    OptionError
        More clusters than an image has different cells.
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
    found: list[xr.DataArray] = []
    reference: npt.NDArray[np.float64] | None = None
    for fmap, where in zip(maps, inside, strict=True):
        labels, centroids = _cluster(fmap, where, clusters, seed)
        if reference is None:
            # The largest first; of equal ones that which comes first from the top left.
            order = np.argsort(-np.bincount(labels, minlength=clusters), kind="stable")
            reference = centroids[order]
        else:
            order = assign_centroids(reference, centroids)
        of_the_label = np.empty(clusters, dtype=np.int64)
        of_the_label[order] = np.arange(clusters)
        values = np.full(where.shape, OUTSIDE, dtype=np.int64)
        values[where] = of_the_label[labels]
        similarity = _cosines(reference, centroids[order]).diagonal()
        found.append(label_cells(fmap, values, "cluster", similarity=similarity.tolist()))
    return found


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
    rank = np.empty(clusters, dtype=np.int64)
    rank[order] = np.arange(clusters)
    return rank[labels], np.asarray(means.cluster_centers_[order], dtype=np.float64)


def _cosines(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The cosines (row of the first, row of the second); those of a row of length 0 are 0."""
    units = [
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        for rows in (first, second)
    ]
    return np.asarray(units[0] @ units[1].T)
