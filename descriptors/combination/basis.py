"""The space of feature maps: projections and weights, fitted once and applied to any tree."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any, Self, overload

import torch
import xarray as xr

from ..errors import OptionError
from ..features.grids import resample, unit_length
from ..features.maps import map_attributes
from ..features.tensors import FeatureMap, Features, LayerFeatures, scale_cells
from ..settings import check_int
from .fitting import Fitting, as_features, facts, fit_blocks, name_of
from .pca import Projection
from .recipe import Part, basis_of, check_same_space

if TYPE_CHECKING:
    from distributed import Client


class Basis:
    """The space of feature maps, fitted once and kept: maps of one basis are comparable.

    `Basis.fit` fits it to the features of many images, `transform` and `combine(trees, basis=...)`
    bring the features of others into it, whenever and wherever that is.

    Attributes:
        recipe: The layers of each source, the finest grid first, with components and weights.
        projections: By "source/layer" what reduces a layer; a layer without one goes as it is.
        layers: What each layer says of itself, by "source/layer": features of others are refused.
        finest: The layer, as "source/layer", on whose grid the maps lie.
        identity: A hex digest of all numbers: the attribute `basis` of the maps.
    """

    def __init__(
        self,
        recipe: Mapping[str, Sequence[Part]],
        projections: Mapping[str, Projection],
        layers: Mapping[str, Mapping[str, Any]],
        finest: str,
    ) -> None:
        self.recipe = recipe
        self.projections = projections
        self.layers = layers
        self.finest = finest
        self.identity = basis_of(recipe, [one.sha256 for one in projections.values()])
        channels = [part for part in self._parts() for _ in range(self.components(part.path))]
        self.sources = [part.source for part in channels]
        self.layer_names = [part.layer for part in channels]

    def __repr__(self) -> str:
        parts = ", ".join(f"{one.path}: {self.components(one.path)}" for one in self._parts())
        return f"<Basis {self.identity[:12]} of {len(self.sources)} channels ({parts})>"

    def components(self, path: str) -> int:
        """How many channels of a map are from the layer "source/layer"."""
        if path in self.projections:
            return int(self.projections[path].axes.shape[1])
        return int(self.layers[path]["channels"])

    @classmethod
    def fit(
        cls,
        trees: Iterable[xr.DataTree | Features] | Mapping[str, Any],
        *,
        components: int | Mapping[str, int | None] | None = None,
        weights: Mapping[str, float] | None = None,
        cells: int | None = None,
        seed: int = 0,
        client: "Client | None" = None,
        progress: Callable[[str], None] = lambda key: None,
    ) -> Self:
        """The basis of the features of any number of images, which are gone through once.

        Each layer that asks for components is projected by one PCA, fitted to the cells of all
        images: exact, by sums in float64, whose memory does not grow with the number of images.
        They are summed in blocks of images, so that workers give the same basis.

        Args:
            trees: Feature trees, or their tensors, extracted with the same settings: a list, a
                `FeatureStore`, or anything that gives one after the other.
            components: One number for every layer of more channels; or, by layer, a number or None
                as in `combine`. By default what the features ask for.
            weights: Source to weight, as in `combine`.
            cells: How many cells of each layer are looked at, about; all of them by default. They
                are drawn evenly from all images, of which there must be a list or a store.
            seed: Which cells are drawn.
            client: Of a dask cluster, as `open_cluster` gives it, whose workers read the features:
                those of a `FeatureStore`, whose folder they reach by the same name.
            progress: Called with the name of each image, in a mapping its key, when its turn comes.

        Raises:
            IncomparableFeaturesError, InvalidFeaturesError, OptionError: As `combine` does.
            ClusterError: The cluster is gone, or its workers die.
        """
        share = None
        if cells is not None:
            check_int("cells", cells, minimum=1)
            if not isinstance(trees, Sized):
                raise OptionError(
                    "cells can be drawn only where it is known how many images there are",
                    hint="give a list or a store, or leave out cells",
                )
            share = math.ceil(cells / max(1, len(trees)))
        check_int("seed", seed, minimum=0)
        how = {"weights": weights, "components": components, "share": share, "seed": seed}
        fitting = Fitting(weights, components)
        for block in fit_blocks(trees, progress, client, **how):
            fitting.merge(block)
        return cls(*fitting.parts())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the basis to a NetCDF file, whole or not at all.

        Raises `OutputError` if it can't be written.
        """
        from ..store.bases import save_basis

        save_basis(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "Basis":
        """The basis that a file holds, with the identity that it had when it was saved.

        Raises `FeatureFileError` if there is no such file, or it is damaged or holds no basis.
        """
        from ..store.bases import load_basis

        return load_basis(path)

    @overload
    def transform(self, tree: xr.DataTree) -> xr.DataArray: ...

    @overload
    def transform(self, tree: Features) -> FeatureMap: ...

    def transform(self, tree: xr.DataTree | Features) -> xr.DataArray | FeatureMap:
        """The feature map of one image in this basis, in the form of its features.

        Raises `IncomparableFeaturesError` for features of other layers, models or settings, and
        `InvalidFeaturesError` for a tree that breaks the schema.
        """
        features = as_features(tree)
        self.check(features)
        fmap = self.map_of(features)
        return fmap if isinstance(tree, Features) else fmap.to_xarray()

    def check(self, features: Features) -> None:
        """Raise `IncomparableFeaturesError` unless the features can be brought into this basis."""
        weights = dict.fromkeys((layer["source"] for layer in self.layers.values()), 0.0)
        weights |= {part.source: part.weight for part in self._parts()}
        overrides = weights, dict.fromkeys(self.layers)
        check_same_space(self.layers, facts(features), *overrides, "the basis", name_of(features))

    def map_of(self, features: Features) -> FeatureMap:
        """As `transform`, for features that are known to go with this basis."""
        finest = features.layers[self.finest]
        whole = finest.features.new_empty(len(self.sources), *finest.features.shape[1:])
        total = math.hypot(*(parts[0].weight for parts in self.recipe.values()))
        place, is_unit = 0, True
        for parts in self.recipe.values():
            layers = [features.layers[part.path] for part in parts]
            pieces, grid = self._on_one_grid(layers, parts), layers[0].grid
            if not grid.equals(finest.grid):
                pieces = [resample(unit_length(torch.cat(pieces)), grid, finest.grid)]
            own = whole[place : place + sum(map(len, pieces))]
            place += len(own)
            is_unit &= scale_cells(pieces, parts[0].weight / total, own)
        attrs = map_attributes(features.image, self.identity)
        labels = self.sources, self.layer_names
        return FeatureMap(whole, finest.grid, attrs, *labels, is_unit=is_unit)

    def _on_one_grid(
        self, layers: Sequence[LayerFeatures], parts: Sequence[Part]
    ) -> list[torch.Tensor]:
        """The layers of one source, the finest first, projected and on its finest grid.

        A layer goes through each finer grid, as the implementation of "A Tale of Two Features"
        does, or in one step if it is `direct`: bilinear interpolation in two steps is not that in
        one, and inner products differ by up to 7 %.
        """
        pieces = []
        for place, (layer, part) in enumerate(zip(layers, parts, strict=True)):
            cells, grid = layer.features, layer.grid
            if layer.path in self.projections:
                cells = self.projections[layer.path](cells)
            for finer in layers[:1] if part.is_direct else layers[:place][::-1]:
                cells, grid = resample(cells, grid, finer.grid), finer.grid
            pieces.append(cells)
        return pieces

    def _parts(self) -> Iterator[Part]:
        return (part for parts in self.recipe.values() for part in parts)


def check_together(trees: Iterable[xr.DataTree | Features]) -> None:
    """Raise `IncomparableFeaturesError` unless all are of the same layers, models and settings."""
    first: Features | None = None
    for features in map(as_features, trees):
        first = first or features
        names = name_of(first), name_of(features)
        check_same_space(facts(first), facts(features), {}, {}, *names)
