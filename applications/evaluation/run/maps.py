"""Feature maps of pairs of images, made ready for a matcher without being checked twice."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ....descriptors import combine
from ....descriptors.combination.recipe import read_recipe
from ....descriptors.features.grids import Grid, as_tensor, nearest_cells, unit_length
from ....descriptors.features.maps import check_comparable
from ....descriptors.features.sampling import read_at
from ....descriptors.features.tensors import FeatureMap
from ....descriptors.features.tree import tree_layers
from ....matchers import Cells
from ...pose import mirror_points
from ..protocols.conventions import ANSWERS, PaddedCanvas
from .cache import Cache
from .features import FeatureFolder
from .settings import Settings

MEMORY = 2 << 30
"""Bytes of features that are kept in memory."""


@dataclass(frozen=True, eq=False)
class Side:
    """One image of a pair: its feature map, as a map and as cells on the matcher's device.

    `cells` lie where they answer by the convention of the settings. `lengths` (rows, columns) are
    those of the cells before they were scaled to 1, where what is between cells depends on them.
    """

    fmap: xr.DataArray
    values: npt.NDArray[np.float32]
    grid: Grid
    cells: Cells
    height: int
    width: int
    settings: Settings
    canvas: PaddedCanvas | None
    lengths: npt.NDArray[np.float32] | None

    @classmethod
    def of(
        cls,
        fmap: xr.DataArray,
        device: torch.device,
        settings: Settings,
        lengths: npt.NDArray[np.float32] | None = None,
    ) -> "Side":
        """The map that `combine` gave, whose cells are of unit length."""
        grid, canvas = Grid.of(fmap), None
        answers = grid
        height, width = int(fmap.attrs["image_height"]), int(fmap.attrs["image_width"])
        if settings.points in ANSWERS:
            canvas = PaddedCanvas.of(grid, height, width)
            answers = canvas.answers(ANSWERS[settings.points])
        cells = Cells.of(FeatureMap(as_tensor(fmap.values).to(device), answers, fmap.attrs))
        return cls(fmap, fmap.values, grid, cells, height, width, settings, canvas, lengths)

    def at(self, points: npt.NDArray[np.float64], *, mirrored: bool = False) -> Cells:
        """The features at points (point, 2) as queries; outside the image, at its nearest edge.

        With `mirrored` the points are those of the image that this one is the mirror image of.
        """
        at = mirror_points(points, self.width) if mirrored else points
        at = np.minimum(np.maximum(at, -0.5), (self.width - 0.5, self.height - 0.5))
        if self.canvas is not None:
            row, column = self.canvas.cells(points, mirrored=mirrored)
        else:
            row, column = nearest_cells(self.grid.y, at[:, 1]), nearest_cells(self.grid.x, at[:, 0])
        if self.settings.interpolation == "nearest":
            features = self.values[:, row, column]
        else:
            values = self.values if self.lengths is None else self.values * self.lengths
            place = np.floor(at + 0.5) if self.settings.points == "dift" else at
            features = read_at(as_tensor(values), self.grid, place, "bilinear").numpy()
        return Cells(
            unit_length(as_tensor(np.ascontiguousarray(features))).to(self.cells.features.device),
            as_tensor((row * len(self.grid.x) + column).astype(np.int64)),
            as_tensor(at[:, 1].copy()),
            as_tensor(at[:, 0].copy()),
            self.cells.grid,
        )


class Maps:
    """Feature maps of pairs out of the features of a folder.

    Where a joint PCA makes the maps of a pair, as in the papers, they are combined pair by pair,
    and the feature trees are kept in memory. Where a map depends on its own image alone, the map
    is kept. Both up to `memory` bytes, whatever the number of pairs. The device is that of the
    matcher.
    """

    def __init__(self, device: torch.device, settings: Settings, memory: int = MEMORY) -> None:
        self.device = device
        self.settings = settings
        self._kept: Cache[xr.DataTree | Side] = Cache(memory, _bytes)
        self._joint: dict[str, bool] = {}

    def together(self, *images: tuple[FeatureFolder, str]) -> list[Side]:
        """Images, by folder and key, in maps that can be compared, in order.

        Raises `IncomparableFeaturesError` for features of different settings or weights.
        """
        if self.is_joint(*images[0]):
            maps = combine([self._tree(folder, key) for folder, key in images])
            return [Side.of(fmap, self.device, self.settings) for fmap in maps]
        sides = [self.alone(folder, key) for folder, key in images]
        for side in sides[1:]:
            if side.fmap.attrs["basis"] != sides[0].fmap.attrs["basis"]:
                check_comparable(sides[0].fmap, side.fmap)
        return sides

    def alone(self, folder: FeatureFolder, key: str) -> Side:
        """The image in the map that is made of its own features."""
        made = self._kept.get((Side, folder.folder, key), lambda: self._side(folder.load(key)))
        return cast(Side, made)

    def read_back(self, folder: FeatureFolder, key: str) -> None:
        """Read features that were written a moment ago: they are at hand when they are asked for.

        Raises `FeatureFileError` if the disk doesn't give back what was written, and `OptionError`
        for features that the convention of the settings has no place for.
        """
        if self.is_joint(folder, key):
            tree = self._tree(folder, key)
            sizes = tree.attrs["image_height"], tree.attrs["image_width"]
            for layer in tree_layers(tree).values() if self.settings.points in ANSWERS else ():
                PaddedCanvas.of(Grid.of(layer), *sizes)
        else:
            self.alone(folder, key)

    def is_joint(self, folder: FeatureFolder, key: str) -> bool:
        """Whether the map of an image depends on what it is combined with.

        It does by a joint PCA; and where several sources are brought to one grid, of which the
        images together decide which it is.
        """
        if folder.label not in self._joint:
            layers = tree_layers(self._tree(folder, key))
            recipe = read_recipe({path: node.attrs for path, node in layers.items()}, {}, {})
            parts = [part for parts in recipe.values() for part in parts]
            self._joint[folder.label] = len(recipe) > 1 or any(part.components for part in parts)
        return self._joint[folder.label]

    def _side(self, tree: xr.DataTree) -> Side:
        layers = list(tree_layers(tree).values())
        lengths = None
        if self.settings.points == "dift" and len(layers) == 1:
            lengths = np.linalg.norm(layers[0]["features"].values, axis=0)
        return Side.of(combine([tree])[0], self.device, self.settings, lengths)

    def _tree(self, folder: FeatureFolder, key: str) -> xr.DataTree:
        made = self._kept.get((xr.DataTree, folder.folder, key), lambda: folder.load(key))
        return cast(xr.DataTree, made)


def _bytes(kept: xr.DataTree | Side) -> int:
    if isinstance(kept, Side):
        return int(kept.values.nbytes)
    return sum(int(layer["features"].nbytes) for layer in tree_layers(kept).values())
