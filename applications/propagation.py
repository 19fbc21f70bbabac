"""Masks of the first frame of a video carried on to the others by feature maps."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ..descriptors.errors import ImageError, InvalidFeaturesError
from ..descriptors.features.grids import Grid, as_tensor, at_cells, resample
from ..descriptors.features.maps import check_comparable
from ..descriptors.features.tensors import FeatureMap
from ..descriptors.runtime.devices import find_device
from ..descriptors.settings import Configurable, check_float, check_int
from .feature_maps import as_feature_map, image_size

_ELEMENTS = 1 << 21  # cosines that are held at once, as a rule
_FLAT = 1e-5  # soft labels that differ less do so by the rounding of their weights


class MaskPropagation(Configurable):
    """Label maps of all frames of a video, out of that of the first and a feature map of each.

    Each cell of a frame takes the labels of the cells most like it in the first frame and in the
    last few: of all cells there near its own place, those with the highest cosines, weighted by
    exp(cosine / temperature). The soft labels serve as context for the frames that follow; for the
    result they are read bilinearly at the pixels, each label is stretched to reach from 0 to 1 over
    the frame, and the highest wins. Jabri et al., "Space-Time Correspondence as a Contrastive
    Random Walk" (NeurIPS 2020), section 4.1, with the settings of Caron et al., "Emerging
    Properties in Self-Supervised Vision Transformers" (ICCV 2021), section 4.2.2.

    Args:
        last_frames: How many of the frames before count beside the first; 0 for the first alone.
        radius: How many cells, along rows and along columns, the context may lie from the cell's
            place; None for anywhere.
        top: How many cells of the context count.
        temperature: Above 0.
        device: Where the cosines are made: `auto`, or a torch device.

    Raises `OptionError`: a setting is out of range.
    """

    def __init__(
        self,
        *,
        last_frames: int = 7,
        radius: int | None = 12,
        top: int = 5,
        temperature: float = 0.1,
        device: str = "cpu",
    ) -> None:
        self.last_frames = check_int("last_frames", last_frames, minimum=0)
        self.radius = None if radius is None else check_int("radius", radius, minimum=0)
        self.top = check_int("top", top, minimum=1)
        self.temperature = check_float("temperature", temperature, minimum=0, open_minimum=True)
        self.device = device
        self.torch_device = find_device(device)

    def __call__(
        self, maps: Iterable[xr.DataArray | FeatureMap], labels: npt.ArrayLike
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Label maps (height, width) of the frames, int64, one after the other, `labels` first.

        Memory does not grow with the length of the video.

        Args:
            maps: The feature map of each frame, in either form, in order, all of one basis.
            labels: (height, width) whole numbers from 0 on, the label of each pixel of the first
                frame, 0 for the background. A cell has the label of the pixel nearest its centre.

        Raises:
            InvalidFeaturesError: There is no map, or a map is none or has another grid.
            IncomparableFeaturesError: The maps have different bases.
            ImageError: The labels don't fit the first frame, or are no whole numbers from 0 on.
        """
        frames = iter(maps)
        head = next(frames, None)
        if head is None:
            raise InvalidFeaturesError("there is no feature map of the first frame")
        first = as_feature_map(head, "feature map of the first frame")
        return self._frames(first, frames, _label_map(labels, first))

    def _frames(
        self,
        first: FeatureMap,
        frames: Iterator[xr.DataArray | FeatureMap],
        labels: npt.NDArray[np.int64],
    ) -> Iterator[npt.NDArray[np.int64]]:
        names = np.unique(np.append(labels, 0))
        grid = first.grid
        shape = len(grid.y), len(grid.x)
        soft = as_tensor((at_cells(labels, grid).reshape(-1, 1) == names).astype(np.float32))
        start = self._cells(first), soft.to(self.torch_device)
        recent: deque[tuple[torch.Tensor, torch.Tensor]] = deque(maxlen=self.last_frames)
        yield labels.copy()
        for number, frame in enumerate(frames, start=1):
            fmap = as_feature_map(frame, f"feature map of frame {number}")
            check_comparable(first, fmap)
            if not fmap.grid.equals(grid):
                raise InvalidFeaturesError(
                    f"the feature map of frame {number} has another grid than that of the first "
                    "frame",
                    hint="all frames of a video have one size",
                )
            features = self._cells(fmap)
            soft = self._carried(features, [start, *recent], shape)
            recent.append((features, soft))
            yield _hard(soft.T.reshape(len(names), *shape).cpu(), grid, names, labels.shape)

    def _cells(self, fmap: FeatureMap) -> torch.Tensor:
        """The unit vectors (cell, channel) of a map, row by row."""
        return fmap.features.flatten(1).T.contiguous().to(self.torch_device)

    def _carried(
        self,
        features: torch.Tensor,
        context: list[tuple[torch.Tensor, torch.Tensor]],
        shape: tuple[int, int],
    ) -> torch.Tensor:
        """The soft labels (cell, label) of a frame from those of its context, tile by tile."""
        soft = torch.empty_like(context[0][1])
        reach = max(shape) if self.radius is None else self.radius
        side = _side(shape, reach, len(context))
        at, places = np.indices(shape), np.arange(math.prod(shape)).reshape(shape)
        for top in range(0, shape[0], side):
            for left in range(0, shape[1], side):
                inner = slice(top, top + side), slice(left, left + side)
                outer = (
                    slice(max(0, top - reach), top + side + reach),
                    slice(max(0, left - reach), left + side + reach),
                )
                here, there = at[:, *inner].reshape(2, -1, 1), at[:, *outer].reshape(2, 1, -1)
                far = np.abs(here - there).max(axis=0)
                query, near = (
                    as_tensor(places[part].ravel()).to(features.device) for part in (inner, outer)
                )
                cells = torch.cat([cells.index_select(0, near) for cells, _ in context])
                cosine = features.index_select(0, query) @ cells.T
                beyond = as_tensor(far > reach).to(features.device)
                cosine.view(len(query), len(context), -1).masked_fill_(beyond[:, None], -torch.inf)
                best = cosine.topk(min(self.top, cosine.shape[1]), dim=1)
                weights = (best.values / self.temperature).softmax(dim=1)
                labels = torch.cat([labels.index_select(0, near) for _, labels in context])
                soft[query] = torch.einsum("qk,qkl->ql", weights, labels[best.indices])
        return soft


def _label_map(labels: npt.ArrayLike, first: FeatureMap) -> npt.NDArray[np.int64]:
    values = np.asarray(labels)
    height, width = image_size(first)
    if values.shape != (height, width):
        raise ImageError(
            f"the labels have the shape {values.shape}, the first frame is "
            f"{width} x {height} pixels",
            hint="labels are (height, width), one for each pixel",
        )
    if values.dtype.kind not in "bui" or (values < 0).any():
        raise ImageError(
            f"the labels are {values.dtype}, or below 0",
            hint="a label is a whole number, 0 for the background",
        )
    return values.astype(np.int64)


def _side(shape: tuple[int, int], reach: int, frames: int) -> int:
    """The side of a tile of cells, as large as the cosines that are held allow."""
    side = 1
    while side < max(shape):
        rows, columns = (min(length, side + 1 + 2 * reach) for length in shape)
        if (side + 1) ** 2 * rows * columns * frames > _ELEMENTS:
            break
        side += 1
    return side


def _hard(
    soft: torch.Tensor, grid: Grid, names: npt.NDArray[np.int64], size: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """The label of each pixel, out of soft labels (label, row, column) at the cells."""
    pixels = Grid(np.arange(size[0], dtype=np.float64), np.arange(size[1], dtype=np.float64))
    dense = resample(soft, grid, pixels)
    lowest = dense.amin(dim=(1, 2), keepdim=True)
    spread = dense.amax(dim=(1, 2), keepdim=True) - lowest
    # A label that is the same everywhere, up to rounding, has nothing to be stretched by.
    flat = spread <= _FLAT
    dense = torch.where(flat, dense, (dense - lowest) / torch.where(flat, 1.0, spread))
    best: npt.NDArray[Any] = dense.argmax(dim=0).numpy()
    return np.asarray(names[best])
