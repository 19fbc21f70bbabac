"""Feature maps of pairs of images, made ready for a matcher without being checked twice."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ...descriptors import combine
from ...descriptors.grids import Grid, as_tensor, nearest_cells, unit_length
from ...descriptors.maps import check_comparable
from ...descriptors.recipe import read_recipe
from ...descriptors.sampling import Interpolation, read_at
from ...descriptors.tree import tree_layers
from ...matchers import Cells
from ...matchers.cells import map_cells
from .cache import Cache
from .features import FeatureFolder

MEMORY = 2 << 30
"""Bytes of features that are kept in memory."""


@dataclass(frozen=True, eq=False)
class Side:
    """One image of a pair: its feature map, as a map and as cells on the matcher's device."""

    fmap: xr.DataArray
    values: npt.NDArray[np.float32]
    grid: Grid
    cells: Cells
    height: int
    width: int

    @classmethod
    def of(cls, fmap: xr.DataArray, device: torch.device) -> "Side":
        """The map that `combine` gave, whose cells are of unit length."""
        return cls(
            fmap,
            fmap.values,
            Grid.of(fmap),
            map_cells(fmap, device),
            int(fmap.attrs["image_height"]),
            int(fmap.attrs["image_width"]),
        )

    def inside(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Points (point, 2), those outside the image moved to its nearest edge."""
        return np.minimum(np.maximum(points, -0.5), (self.width - 0.5, self.height - 0.5))

    def at(self, points: npt.NDArray[np.float64], interpolation: Interpolation) -> Cells:
        """The features at points (point, 2) within the image, as queries."""
        row = nearest_cells(self.grid.y, points[:, 1])
        column = nearest_cells(self.grid.x, points[:, 0])
        return Cells(
            unit_length(self.read(points, interpolation)).to(self.cells.features.device),
            as_tensor((row * len(self.grid.x) + column).astype(np.int64)),
            as_tensor(points[:, 1].copy()),
            as_tensor(points[:, 0].copy()),
            self.cells.grid,
        )

    def read(self, points: npt.NDArray[np.float64], interpolation: Interpolation) -> torch.Tensor:
        """The features (channel, point) at points within the image, not yet of unit length."""
        return as_tensor(
            np.ascontiguousarray(read_at(self.values, self.grid, points, interpolation))
        )


class Maps:
    """Feature maps of pairs out of the features of a folder.

    Where a joint PCA makes the maps of a pair, as in the papers, they are combined pair by pair,
    and the feature trees are kept in memory. Where a map depends on its own image alone, the map
    is kept. Both up to so many bytes, whatever the number of pairs.

    Parameters
    ----------
    device:
        Of the matcher.
    memory:
        Bytes of features that are kept.
    """

    def __init__(self, device: torch.device, memory: int = MEMORY) -> None:
        self.device = device
        self._kept: Cache[xr.DataTree | Side] = Cache(memory, _bytes)
        self._joint: dict[str, bool] = {}

    def together(self, *images: tuple[FeatureFolder, str]) -> list[Side]:
        """Images, by folder and key, in maps that can be compared, in order.

        Raises `IncomparableFeaturesError` for features of different settings or weights.
        """
        if self.is_joint(*images[0]):
            maps = combine([self._tree(folder, key) for folder, key in images])
            return [Side.of(fmap, self.device) for fmap in maps]
        sides = [self.alone(folder, key) for folder, key in images]
        for side in sides[1:]:
            if side.fmap.attrs["basis"] != sides[0].fmap.attrs["basis"]:
                check_comparable(sides[0].fmap, side.fmap)
        return sides

    def alone(self, folder: FeatureFolder, key: str) -> Side:
        """The image in the map that is made of its own features."""
        made = self._kept.get(
            (Side, folder.folder, key),
            lambda: Side.of(combine([folder.load(key)])[0], self.device),
        )
        return cast(Side, made)

    def read_back(self, folder: FeatureFolder, key: str) -> None:
        """Read features that were written a moment ago: they are at hand when they are asked for.

        Raises `FeatureFileError` if the disk doesn't give back what was written.
        """
        if self.is_joint(folder, key):
            self._tree(folder, key)
        else:
            self.alone(folder, key)

    def is_joint(self, folder: FeatureFolder, key: str) -> bool:
        """Whether the map of an image depends on what it is combined with.

        It does by a joint PCA; and where several sources are brought to one grid, of which the
        images together decide which it is.
        """
        if folder.label not in self._joint:
            recipe = read_recipe([self._tree(folder, key)], {}, {})
            parts = [part for parts in recipe.values() for part in parts]
            self._joint[folder.label] = len(recipe) > 1 or any(part.components for part in parts)
        return self._joint[folder.label]

    def _tree(self, folder: FeatureFolder, key: str) -> xr.DataTree:
        made = self._kept.get((xr.DataTree, folder.folder, key), lambda: folder.load(key))
        return cast(xr.DataTree, made)


def _bytes(kept: xr.DataTree | Side) -> int:
    if isinstance(kept, Side):
        return int(kept.values.nbytes)
    return sum(int(layer["features"].nbytes) for layer in tree_layers(kept).values())
