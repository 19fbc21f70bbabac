"""Feature maps of pairs of images, made ready for a matcher without being checked twice."""

from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt
import torch

from ....descriptors import combine
from ....descriptors.combination.recipe import read_recipe
from ....descriptors.features.grids import unit_length
from ....descriptors.features.maps import check_comparable
from ....descriptors.features.sampling import read_at
from ....descriptors.features.tensors import FeatureMap, Features
from ....matchers import Cells
from ...pose import mirror_points
from ..protocols.conventions import ANSWERS, PaddedCanvas
from .features import FeatureFolder
from .settings import Settings
from .workers import Cache

MEMORY = 2 << 30
"""Bytes of features that are kept in memory."""


class Side:
    """One image of a pair: its feature map, read and answered by the convention of the settings.

    `cells` lie where they answer. `features` (channel, rows, columns) are those between whose
    cells DIFT reads: as the network gave them, where the map is of one layer. `size` is height and
    width of the image.
    """

    def __init__(
        self, fmap: FeatureMap, settings: Settings, features: torch.Tensor | None = None
    ) -> None:
        self.fmap = fmap
        self.settings = settings
        self.features = fmap.features if features is None else features
        self.nbytes = fmap.features.nbytes + (0 if features is None else features.nbytes)
        self.size = int(fmap.attrs["image_height"]), int(fmap.attrs["image_width"])
        self.canvas, answers = None, fmap
        if settings.points in ANSWERS:
            self.canvas = PaddedCanvas.of(fmap.grid, *self.size)
            answers = replace(fmap, grid=self.canvas.answers(ANSWERS[settings.points]))
        self.cells = Cells.of(answers)

    def at(self, points: npt.NDArray[np.float64], *, mirrored: bool = False) -> Cells:
        """The features at points (point, 2) as queries; outside the image, at its nearest edge.

        With `mirrored` the points are those of the image that this one is the mirror image of.
        """
        if self.canvas is not None:
            row, column = self.canvas.cells(points, mirrored=mirrored)
            return self.cells.take(torch.from_numpy(row * len(self.fmap.grid.x) + column))
        height, width = self.size
        at = mirror_points(points, width) if mirrored else points
        at = np.clip(at, -0.5, (width - 0.5, height - 0.5))
        if self.settings.points != "dift":
            return Cells.at(self.fmap, at, self.settings.interpolation)
        between = read_at(self.features, self.fmap.grid, np.floor(at + 0.5), "bilinear")
        return replace(Cells.at(self.fmap, at, "nearest"), features=unit_length(between))


class Maps:
    """Feature maps of pairs out of the features of a folder.

    Where a joint PCA makes the maps of a pair, as in the papers, they are combined pair by pair,
    and the features of the layers are kept in memory. Where a map depends on its own image alone,
    the map is kept. Both up to `memory` bytes, whatever the number of pairs. The device is that of
    the matcher.
    """

    def __init__(self, device: torch.device, settings: Settings, memory: int = MEMORY) -> None:
        self.device = device
        self.settings = settings
        self._cache: Cache[Features | Side] = Cache(memory, lambda value: value.nbytes)
        self._joint: dict[str, bool] = {}

    def together(self, *images: tuple[FeatureFolder, str]) -> list[Side]:
        """Images, by folder and key, in maps that can be compared, in order.

        Raises `IncomparableFeaturesError` for features of different settings or weights.
        """
        if self.is_joint(*images[0]):
            maps = combine([self._features(folder, key) for folder, key in images])
            return [Side(fmap, self.settings) for fmap in maps]
        sides = [self.alone(folder, key) for folder, key in images]
        for side in sides[1:]:
            check_comparable(sides[0].fmap, side.fmap)
        return sides

    def alone(self, folder: FeatureFolder, key: str) -> Side:
        """The image in the map that is made of its own features."""
        side = self._cache.get((Side, folder.folder, key), lambda: self._side(folder, key))
        return cast(Side, side)

    def read_back(self, folder: FeatureFolder, key: str) -> None:
        """Read features that were written a moment ago: they are at hand when they are asked for.

        Raises `FeatureFileError` if the disk doesn't give back what was written, and `OptionError`
        for features that the convention of the settings has no place for.
        """
        if not self.is_joint(folder, key):
            self.alone(folder, key)
            return
        features = self._features(folder, key)
        size = features.image["image_height"], features.image["image_width"]
        for layer in features.layers.values() if self.settings.points in ANSWERS else ():
            PaddedCanvas.of(layer.grid, *size)

    def is_joint(self, folder: FeatureFolder, key: str) -> bool:
        """Whether the map of an image depends on what it is combined with.

        It does by a joint PCA; and where several sources are brought to one grid, of which the
        images together decide which it is.
        """
        if folder.label not in self._joint:
            layers = self._features(folder, key).layers
            recipe = read_recipe({path: one.attributes for path, one in layers.items()}, {}, {})
            parts = [part for parts in recipe.values() for part in parts]
            self._joint[folder.label] = len(recipe) > 1 or any(part.components for part in parts)
        return self._joint[folder.label]

    def _side(self, folder: FeatureFolder, key: str) -> Side:
        features = folder.load(key).to(self.device)
        layers = list(features.layers.values())
        own = layers[0].features if self.settings.points == "dift" and len(layers) == 1 else None
        return Side(combine([features])[0], self.settings, own)

    def _features(self, folder: FeatureFolder, key: str) -> Features:
        place = Features, folder.folder, key
        features = self._cache.get(place, lambda: folder.load(key).to(self.device))
        return cast(Features, features)
