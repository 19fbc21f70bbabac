"""Pixels on their way: samples of an instance that are drawn wherever they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

from ..resolution import spread, window

Picture = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]

_BLURRED = 40  # what part of the frame the blur of its margins is
_FINER = 2  # frames are drawn with so many times the pixels on a side, and reduced: smooth edges
_MOST = 4_000_000
"""How many samples there are at most; a stronger stretch leaves gaps, which are closed."""
_TORN = 4.0  # by how many pixels the flow half a pixel away may differ and still be continuous
_DENSE = 1.25  # samples per drawn pixel on a side, where the instance is stretched as usual


@dataclass(frozen=True)
class Fit:
    """How an image is laid into a frame of so many columns and rows: scaled to fit, and centred.

    The scale is in pixels of the frame per pixel of the image, which begins at `left` and `top`.
    """

    scale: float
    left: float
    top: float
    size: tuple[int, int]

    @classmethod
    def of(cls, image: tuple[int, int], size: tuple[int, int]) -> Self:
        """The fit of an image of so many columns and rows."""
        scale = min(size[0] / image[0], size[1] / image[1])
        return cls(scale, (size[0] - image[0] * scale) / 2, (size[1] - image[1] * scale) / 2, size)

    def place(self, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
        """Places of the image as places of the frame, both with 0 at a pixel's centre."""
        return ((x + 0.5) * self.scale + self.left - 0.5, (y + 0.5) * self.scale + self.top - 0.5)

    def apply(self, pixels: Picture) -> Picture:
        """The image (y, x[, channel]) in the frame, with zeros around it."""
        if self.scale < 1:
            sigma = 0.5 * (self.scale**-2 - 1) ** 0.5
            pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), max(sigma, 0.05)), dtype=np.uint8)
        moved = (self.scale - 1) / 2
        matrix = np.array([[self.scale, 0, self.left + moved], [0, self.scale, self.top + moved]])
        return np.asarray(cv2.warpAffine(pixels, matrix, self.size, flags=cv2.INTER_CUBIC))

    def over_itself(self, pixels: Picture) -> Picture:
        """The image in the frame; what it leaves free shows it again, stretched and blurred."""
        placed = self.apply(pixels)
        if self.left < 0.5 and self.top < 0.5:
            return placed
        stretched = cv2.resize(pixels, self.size, interpolation=cv2.INTER_AREA)
        around = cv2.GaussianBlur(stretched, (0, 0), max(self.size) / _BLURRED)
        left, top = (max(0, int(np.ceil(side))) for side in (self.left, self.top))
        part = slice(top, self.size[1] - top), slice(left, self.size[0] - left)
        around[part] = placed[part]
        return np.asarray(around)


@dataclass(frozen=True, eq=False)
class Points:
    """Samples of an instance, in the order in which they are drawn.

    They go from `start` to `end` (2, point), x and y in pixels of the frame, and change their
    colours (point, 3) on the way; `size` is columns and rows of the frame.
    """

    start: Numbers
    end: Numbers
    start_colors: npt.NDArray[np.float32]
    end_colors: npt.NDArray[np.float32]
    size: tuple[int, int]

    @classmethod
    def of(
        cls,
        flow: Sequence[npt.NDArray[np.float32]],
        score: npt.NDArray[np.float32],
        start_pixels: Picture,
        end_pixels: Picture,
        fit: Fit,
    ) -> Self:
        """Samples so dense that they leave no gaps at either end of the way.

        The flow is displacements x and y in pixels of the source, NaN outside the instance; samples
        of a better score lie on top. The way starts at the pixels of the target (y, x, rgb), which
        `fit` lays into the frame, and ends at those of the swapped source, which fills it.
        """
        inside = np.isfinite(flow[0])
        whole = [spread(part.astype(np.float64), inside) for part in flow]
        shrink = fit.size[0] / inside.shape[1], fit.size[1] / inside.shape[0]
        finest = max(*shrink, fit.scale * _stretch(whole, inside))
        per_pixel = min(_DENSE * _FINER * finest, (_MOST / max(1, int(inside.sum()))) ** 0.5)
        x, y = _samples(inside, per_pixel)
        nearest = np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)
        order = np.argsort(np.nan_to_num(score[nearest], nan=-2), kind="stable")
        x, y, nearest = x[order], y[order], (nearest[0][order], nearest[1][order])
        own = np.stack([part[nearest] for part in whole])
        between = np.stack([_read(part, x, y) for part in whole])
        # Where the flow jumps between two pixels, that of the nearest counts.
        jumps = np.hypot(*(between - own)) > _TORN
        from_x, from_y = np.stack([x, y]) + np.where(jumps, own, between)
        return cls(
            start=np.stack(fit.place(from_x, from_y)),
            end=np.stack([(x + 0.5) * shrink[0] - 0.5, (y + 0.5) * shrink[1] - 0.5]),
            start_colors=_read(start_pixels, from_x, from_y),
            end_colors=_read(end_pixels, x, y),
            size=fit.size,
        )

    def draw_over(self, background: Picture, done: float) -> Picture:
        """The frame when this share of the way is done, the samples over the background."""
        at = (1 - done) * self.start + done * self.end
        colors = (1 - done) * self.start_colors + done * self.end_colors
        columns, rows = (length * _FINER for length in self.size)
        column, row = np.floor((at + 0.5) * _FINER).astype(np.intp)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        layer = np.zeros((rows, columns, 4), dtype=np.float32)
        # Of several samples at one pixel the last one stays.
        layer[row[inside], column[inside], :3] = colors[inside]
        layer[row[inside], column[inside], 3] = 1
        reduced = cv2.resize(_close_gaps(layer), self.size, interpolation=cv2.INTER_AREA)
        mixed = reduced[:, :, :3] + (1 - reduced[:, :, 3:]) * background
        return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def _close_gaps(layer: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The layer with its small gaps filled by the mean of what is around them."""
    there = layer[:, :, 3]
    gaps = (cv2.morphologyEx(there, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0) & (there == 0)
    around = cv2.blur(layer, (5, 5))
    weight = around[:, :, 3:]
    layer[gaps] = (around / np.maximum(weight, 1e-6))[gaps]
    return layer


def _stretch(flow: list[Numbers], inside: npt.NDArray[np.bool_]) -> float:
    """How many pixels of the target neighbours of the source lie apart, where that is much."""
    if min(inside.shape) < 2:
        return 1.0
    x, y = flow
    across = np.hypot(1 + np.gradient(x, axis=1), np.gradient(y, axis=1))
    down = np.hypot(np.gradient(x, axis=0), 1 + np.gradient(y, axis=0))
    return float(np.quantile(np.maximum(across, down)[inside], 0.95))


def _samples(inside: npt.NDArray[np.bool_], per_pixel: float) -> tuple[Numbers, Numbers]:
    """Places x, y on a lattice of so many per pixel on a side, those whose pixel is inside."""
    axes = []
    for side in window(inside):
        length = side.stop - side.start
        count = round(length * per_pixel) or 1
        axes.append(side.start - 0.5 + (np.arange(count) + 0.5) * length / count)
    x, y = np.meshgrid(axes[1], axes[0])
    kept = inside[np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)]
    return x[kept], y[kept]


def _read(values: npt.NDArray[Any], x: Numbers, y: Numbers) -> Any:
    """Values (y, x[, channel]) between their pixels, bilinearly, at a list of places."""
    # OpenCV's maps have sides below 2^15.
    rows = -(-len(x) // 16384)
    padded = np.zeros((2, rows * 16384), dtype=np.float32)
    padded[0, : len(x)], padded[1, : len(x)] = x, y
    across, down = padded.reshape(2, rows, 16384)
    values, border = values.astype(np.float32), cv2.BORDER_REPLICATE
    read = cv2.remap(values, across, down, cv2.INTER_LINEAR, borderMode=border)
    return read.reshape(rows * 16384, *values.shape[2:])[: len(x)]
