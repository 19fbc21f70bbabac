"""Feature maps of pairs of images, made ready for a matcher without being checked twice."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from ....descriptors import Basis, combine
from ....descriptors.combination.recipe import read_recipe
from ....descriptors.features.grids import unit_length
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
    or goes through `basis`, the map is kept. Both up to `memory` bytes, whatever the number of
    pairs. The device is that of the matcher.
    """

    def __init__(
        self, device: torch.device, settings: Settings, memory: int, basis: Basis | None
    ) -> None:
        self.device = device
        self.settings = settings
        self.basis = basis
        self.memory = memory
        self._cache: Cache[Features | Side] = Cache(memory, lambda value: value.nbytes)
        self._bases: dict[str, Basis | None] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the maps: another process reads its own."""
        return type(self), (self.device, self.settings, self.memory, self.basis)

    def together(self, *images: tuple[FeatureFolder, str]) -> list[Side]:
        """Images, by folder and key, in maps that can be compared, in order.

        Raises `IncomparableFeaturesError` for features of different settings or weights.
        """
        if self.is_joint(*images[0]):
            maps = combine([self._features(folder, key) for folder, key in images])
            return [Side(fmap, self.settings) for fmap in maps]
        return [self.alone(folder, key) for folder, key in images]

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

        Without a basis it does by a joint PCA; and where several sources are brought to one grid,
        of which the images together decide which it is.
        """
        return self._basis(folder, key) is None

    def _basis(self, folder: FeatureFolder, key: str) -> Basis | None:
        """What brings each image of a descriptor into one space on its own; None for a joint PCA.

        The basis of one image is that of all where it has no projection.
        """
        if self.basis is not None:
            return self.basis
        if folder.label not in self._bases:
            features = self._features(folder, key)
            layers = {path: one.attributes for path, one in features.layers.items()}
            recipe = read_recipe(layers, {}, {})
            components = [part.components for parts in recipe.values() for part in parts]
            joint = len(recipe) > 1 or any(components)
            self._bases[folder.label] = None if joint else Basis.fit([features])
        return self._bases[folder.label]

    def _side(self, folder: FeatureFolder, key: str) -> Side:
        features, basis = folder.load(key, self.device), self._basis(folder, key)
        assert basis is not None
        layers = list(features.layers.values())
        unchanged = self.settings.points == "dift" and len(layers) == 1 and self.basis is None
        own = layers[0].features if unchanged else None
        return Side(basis.transform(features), self.settings, own)

    def _features(self, folder: FeatureFolder, key: str) -> Features:
        place = Features, folder.folder, key
        features = self._cache.get(place, lambda: folder.load(key, self.device))
        return cast(Features, features)
