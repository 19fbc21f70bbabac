"""Masks of what images have in common, from their features alone."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from scipy import ndimage

from ...descriptors import Image
from ...descriptors.errors import ImageError
from ...descriptors.features.grids import Grid, resample
from ...descriptors.features.tensors import FeatureMap
from ...descriptors.runtime.quiet import without_warnings
from ...descriptors.settings import check_int
from ...matchers.similarity import search
from ..feature_maps import feature_maps
from .base import Mask, Segmenter

Values = npt.NDArray[np.float64]
"""A number for each cell of a map, (y, x)."""

_TOLERANCE = 0.06
"""How far from its cell a way there and back may end, as a share of the longer side."""
_SMOOTHING = 0.06
"""Deviation of the weights by which neighbours are heard, as a share of the shorter side."""
_RING = 0.04  # width of the border of an image, as a share of the shorter side
_STEP = 0.3  # how sharply clusters are parted into those at the border and those away from it
_LEAST = 0.15  # what a cluster at the border still counts: an object may be cut off by it
_THRESHOLD = 0.8
"""Where the masks end, as a multiple of what parts the evidence in two: a little generous."""
_PART = 0.5  # how much evidence a part must hold to be kept, as a share of that of the largest one
_EDGE = 0.8  # deviation of the smoothing of the edge of a mask, in cells


class JointForeground(Segmenter):
    """What the images have in common, away from their borders; needs no weights of its own.

    Two things speak for a cell: that going to the best cell of another image and back ends near
    it, and that its cluster, one of k-means over the cells of all images, keeps away from the
    borders. The evidence is smoothed over neighbours and parted in two as by Otsu's threshold.

    The features of SIFT find the same object in front of another background, not another object of
    its kind. One image alone is judged by the borders.
    Raises `OptionError` if an option is out of range.

    Args:
        clusters: How many clusters the cells of all images are parted into.
        seed: Of k-means. The same seed gives the same masks.
    """

    needs_maps = True

    def __init__(self, *, clusters: int = 16, seed: int = 0) -> None:
        self.clusters = check_int("clusters", clusters, minimum=2)
        self.seed = check_int("seed", seed, minimum=0, maximum=2**32 - 1)

    def segment(
        self, images: Sequence[Image] | None, maps: Sequence[xr.DataArray] | None
    ) -> list[Mask]:
        """The common foreground, with smooth edges; see `Segmenter.segment`.

        Raises `ImageError` if nothing stands out in one of the images, and as `feature_maps` does.
        """
        compared = feature_maps(maps or ())
        returns = [_returns(fmap, compared) for fmap in compared]
        distances = _distances(self._labels(compared))
        evidence = [
            _smooth(_smooth(near) * far, share=0.5)
            for near, far in zip(returns, distances, strict=True)
        ]
        threshold = _THRESHOLD * _middle(np.concatenate([one.ravel() for one in evidence]))
        masks = []
        for one, fmap in zip(evidence, compared, strict=True):
            cells = _largest_parts(one > threshold, one)
            if not cells.any() or cells.all():
                raise ImageError(
                    f"nothing stands out in {fmap.attrs['image_name']} as what the images have in "
                    "common",
                    hint="give mask files, or say what the object is with --segment",
                )
            masks.append(_pixels(cells, fmap))
        return masks

    def _labels(self, maps: Sequence[xr.DataArray]) -> list[npt.NDArray[np.intp]]:
        """The cluster of each cell of each map, (y, x), out of one k-means over all."""
        from sklearn.cluster import KMeans

        cells = np.concatenate([fmap.values.reshape(len(fmap), -1).T for fmap in maps])
        clusters = min(self.clusters, len(cells))
        kmeans = KMeans(clusters, n_init=2, random_state=self.seed, copy_x=False)
        with without_warnings():
            # Fewer distinct cells than clusters: what is blank has one cluster.
            labels = kmeans.fit_predict(cells)
        parts = np.split(labels, np.cumsum([fmap[0].size for fmap in maps])[:-1])
        return [part.reshape(fmap.shape[1:]) for part, fmap in zip(parts, maps, strict=True)]


def _returns(fmap: xr.DataArray, maps: Sequence[xr.DataArray]) -> Values:
    """How near to each cell the way to the best cell of the other maps and back ends.

    1 for the cell itself, falling off like a Gaussian; the mean over the other maps.
    """
    shape = fmap.shape[1:]
    rest = [other for other in maps if other is not fmap]
    if not rest:
        return np.ones(shape)
    tolerance = max(1.0, _TOLERANCE * max(shape))
    total = np.zeros(shape)
    cells, *others = (FeatureMap.from_xarray(one).features.flatten(1) for one in (fmap, *rest))
    for other in others:
        best = search(cells, other, back=True)
        assert best.back is not None
        home = np.unravel_index(best.back[best.index].numpy().reshape(shape), shape)
        apart = np.hypot(*(np.array(home) - np.indices(shape))) / tolerance
        total += np.exp(-(apart**2) / 2)
    return total / len(others)


def _distances(labels: Sequence[npt.NDArray[np.intp]]) -> list[Values]:
    """How well the cluster of each cell keeps away from the borders of the images, 0 to 1.

    By how many times more often its cells lie at a border than cells do on the whole.
    """
    rings = []
    for one in labels:
        width = max(1, round(_RING * min(one.shape)))
        ring = np.ones(one.shape, dtype=bool)
        ring[width:-width, width:-width] = False
        rings.append(ring)
    border, every = (np.concatenate([one.ravel() for one in part]) for part in (rings, labels))
    counts = np.bincount(every)
    if np.count_nonzero(counts) == 1:
        # Nothing differs from anything.
        return [np.zeros(one.shape) for one in labels]
    at_border = np.bincount(every, border) / np.maximum(counts, 1)
    times = at_border / border.mean()
    away = 1 / (1 + np.exp(np.clip((times - 1) / _STEP, -50, 50)))
    weights = _LEAST + (1 - _LEAST) * away
    return [weights[one] for one in labels]


def _smooth(values: Values, *, share: float = 1.0) -> Values:
    deviation = share * _SMOOTHING * min(values.shape)
    return np.asarray(ndimage.gaussian_filter(values, deviation, mode="nearest"))


def _middle(values: npt.NDArray[np.float64]) -> float:
    """Half-way between the means of the two groups that Otsu's threshold parts the values into.

    Otsu, "A threshold selection method from gray-level histograms", 1979. Its threshold itself may
    lie anywhere in a gap between the groups.
    """
    low, high = float(values.min()), float(values.max())
    levels = np.rint((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    level, _ = cv2.threshold(levels[None], 0, 255, cv2.THRESH_OTSU)
    upper = levels > level
    if not upper.any():
        return high
    return float(values[upper].mean() + values[~upper].mean()) / 2


def _largest_parts(cells: Mask, evidence: Values) -> Mask:
    """The connected parts that hold most of the evidence, without holes."""
    parts, count = ndimage.label(cells)
    if count == 0:
        return cells
    sums = ndimage.sum_labels(evidence, parts, range(1, count + 1))
    largest = 1 + np.flatnonzero(sums >= _PART * sums.max())
    return np.asarray(ndimage.binary_fill_holes(np.isin(parts, largest)))


def _pixels(cells: Mask, fmap: xr.DataArray) -> Mask:
    """The mask of pixels (height, width) of a mask of cells (y, x), with a smooth edge."""
    soft: Any = ndimage.gaussian_filter(cells.astype(np.float32), _EDGE, mode="nearest")
    height, width = (float(fmap.attrs[f"image_{side}"]) for side in ("height", "width"))
    pixels = Grid(np.arange(height), np.arange(width))
    upsampled = resample(torch.from_numpy(soft)[None], Grid.of(fmap), pixels)[0]
    return np.asarray(upsampled.numpy() >= 0.5)
