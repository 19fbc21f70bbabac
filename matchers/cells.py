"""What a matcher works on: unit vectors side by side, and where in their image they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from ..descriptors.errors import ImageError
from ..descriptors.features.grids import as_tensor, nearest_cells, nearest_pixels, unit_length
from ..descriptors.features.maps import Labelled, Points, check_points
from ..descriptors.features.sampling import Interpolation, read_at
from ..descriptors.features.tensors import FeatureMap
from ..descriptors.image.masks import MaskLike, read_mask


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of one feature map, or points in it.

    Args:
        features: float32 (channel, cell), each column of unit length, on the device of the matcher.
        index: int64 (cell,), the place of each in its grid, row by row. For a point: the cell that
            holds it. On the processor, as are all that follow.
        y, x: float64 (cell,), the centre of each cell, or the point, in pixels of the upright
            image.
        grid: How many rows and columns the grid has.
    """

    features: torch.Tensor
    index: torch.Tensor
    y: torch.Tensor
    x: torch.Tensor
    grid: tuple[int, int]

    def __len__(self) -> int:
        return len(self.index)

    @classmethod
    def of(cls, fmap: FeatureMap) -> Self:
        """All cells of a map, in its memory."""
        rows, columns = fmap.features.shape[1:]
        return cls(
            fmap.features.flatten(1),
            torch.arange(rows * columns),
            torch.from_numpy(np.repeat(fmap.grid.y, columns)),
            torch.from_numpy(np.tile(fmap.grid.x, rows)),
            (rows, columns),
        )

    @classmethod
    def at(cls, fmap: FeatureMap, points: Points, interpolation: Interpolation) -> Self:
        """The points (x, y) of a map's image, with the features there.

        Raises `PointError` for a point outside the image.
        """
        at = check_points(points, fmap)
        row, column = nearest_cells(fmap.grid.y, at[:, 1]), nearest_cells(fmap.grid.x, at[:, 0])
        index = torch.from_numpy((row * len(fmap.grid.x) + column).astype(np.int64))
        if interpolation == "nearest":
            features = fmap.features.flatten(1).index_select(1, index.to(fmap.features.device))
        else:
            features = read_at(fmap.features, fmap.grid, at, interpolation)
        x, y = torch.from_numpy(np.ascontiguousarray(at.T))
        return cls(unit_length(features), index, y, x, (len(fmap.grid.y), len(fmap.grid.x)))

    @classmethod
    def joined(cls, parts: Sequence["Cells"]) -> Self:
        """The cells of all parts, one after the other, as of the grid of the first."""
        return cls(
            torch.cat([part.features for part in parts], dim=1),
            torch.cat([part.index for part in parts]),
            torch.cat([part.y for part in parts]),
            torch.cat([part.x for part in parts]),
            parts[0].grid,
        )

    def take(self, which: torch.Tensor) -> "Cells":
        """The cells that `which` lists, int64, in that order."""
        features = self.features.index_select(1, which.to(self.features.device))
        return Cells(features, self.index[which], self.y[which], self.x[which], self.grid)


def mask_at(
    mask: MaskLike, fmap: Labelled, y: torch.Tensor, x: torch.Tensor, name: str
) -> torch.Tensor:
    """Whether each place (y, x) of the map's image lies in the mask: what its nearest pixel says.

    Raises `ImageError` for a mask of another size than the image.
    """
    height, width = int(fmap.attrs["image_height"]), int(fmap.attrs["image_width"])
    inside = read_mask(mask, height=height, width=width, name=name)
    return as_tensor(inside[nearest_pixels(y.numpy(), height), nearest_pixels(x.numpy(), width)])


def masked_cells(cells: Cells, mask: MaskLike | None, fmap: Labelled, name: str) -> Cells:
    """The cells whose centre lies in the mask; all of them, as they are, without one.

    Raises `ImageError` if there is none.
    """
    if mask is None:
        return cells
    inside = mask_at(mask, fmap, cells.y, cells.x, name)
    if bool(inside.all()):
        return cells
    if not bool(inside.any()):
        raise ImageError(
            f"the {name} leaves no cell of {fmap.attrs['image_name']}",
            hint="it must be true at the centre of at least one cell of the feature map",
        )
    return cells.take(inside.nonzero().squeeze(1))
