"""From feature trees of several images to feature maps that can be compared with each other."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import torch
import xarray as xr

from ..errors import InvalidFeaturesError
from ..features.grids import Grid, as_tensor, resample, unit_length
from ..features.maps import build_map
from ..features.tree import check_tree, tree_layers
from ..runtime.memory import check_fits
from .pca import Moments
from .recipe import Part, basis_of, check_same_space, read_recipe

_COPIES = 4
"""How many times the features of an image are held at most: in float64 by a PCA, or as a map in the
making."""
_FEWER = "take fewer images, or extract them at a lower size (--set size=...)"


def combine(
    trees: Sequence[xr.DataTree],
    *,
    weights: Mapping[str, float] | None = None,
    components: Mapping[str, int | None] | None = None,
) -> list[xr.DataArray]:
    """Feature maps, one per tree, mutually comparable: every cell of unit length.

    For each source, layers that ask for components are projected by one PCA, fitted jointly on
    the cells of all trees; layers are resampled bilinearly, from the coarsest grid of the source
    through each finer one to the finest (in one step if their `resampling` is `direct`), and
    joined, finest first; each cell is scaled to unit length. Sources are resampled to the finest
    grid among them, scaled to unit length again, multiplied by their weights and joined; the
    joined cell is divided by the root of the sum of the squared weights.
    ("A Tale of Two Features", section 3.3 and equation 2.)

    Parameters
    ----------
    trees:
        Feature trees of all images that are to be compared, extracted with the same settings.
    weights:
        Source to weight, in place of the weights in the trees; a source of weight 0 is left out,
        and a factor of all weights changes nothing.
    components:
        Layer ("source/layer" or "layer") to number of principal components, or None for the
        layer as it is, in place of the numbers in the trees.

    Returns
    -------
    list of xarray.DataArray
        float32 (channel, y, x), with `y` and `x` in pixels of the upright image, `source` and
        `layer` along channel, and the attributes `image_name`, `image_height`, `image_width`,
        `image_sha256`, `descriptor` and `basis`.

    Raises
    ------
    IncomparableFeaturesError
        The trees differ in layers, models, settings or the ratio of their weights.
    InvalidFeaturesError
        No tree, or one that breaks the schema.
    OptionError
        A weight or a number of components for something that the trees don't hold, or out of
        range.
    """
    maps = CombinedMaps(trees, weights=weights, components=components)
    check_fits(maps.nbytes, f"combining the features of {len(maps)} images", _FEWER)
    return list(maps)


class CombinedMaps(Sequence[xr.DataArray]):
    """The maps that `combine` gives, each made when it is asked for.

    The trees are read once for what all of them decide, one at a time, and each again for its map.
    Takes and raises what `combine` does. `outlines` are the maps without their channels: grids
    and attributes. `nbytes` are those of all maps together.
    """

    def __init__(
        self,
        trees: Sequence[xr.DataTree],
        *,
        weights: Mapping[str, float] | None = None,
        components: Mapping[str, int | None] | None = None,
    ) -> None:
        if not isinstance(trees, Sequence):
            trees = [trees] if isinstance(trees, xr.DataTree) else list(trees)
        self._trees = trees
        overrides = weights or {}, components or {}
        first: xr.DataTree | None = None
        cells: Counter[str] = Counter()
        moments: dict[str, Moments] = {}
        places: list[tuple[Mapping[str, Grid], Mapping[Any, Any]]] = []
        for tree in self._trees:
            layers = _checked_layers(tree)
            if first is None:
                first, self._recipe = tree, read_recipe(tree, *overrides)
                moments = {part.path: Moments() for part in self._parts() if part.components}
            else:
                check_same_space(first, tree, *overrides)
            size = _COPIES * sum(node["features"].nbytes for node in layers.values())
            check_fits(size, f"combining the features of {len(self)} images", _FEWER)
            for path, each in moments.items():
                each.add(as_tensor(layers[path]["features"].values))
            grids = {part.path: Grid.of(layers[part.path]) for part in self._parts()}
            cells.update({path: len(grid.y) * len(grid.x) for path, grid in grids.items()})
            places.append((grids, tree.attrs))
        if first is None:
            raise InvalidFeaturesError("combine needs at least one feature tree")
        for parts in self._recipe.values():
            parts.sort(key=lambda part: -cells[part.path])
        self._finest = max((one[0] for one in self._recipe.values()), key=lambda p: cells[p.path])
        self._projections = {
            part.path: moments[part.path].projection(part.components)
            for part in self._parts()
            if part.components
        }
        self._basis = basis_of(self._recipe, list(self._projections.values()))
        self.outlines = [
            self._labelled(torch.empty(0, len(grid.y), len(grid.x)), grid, [], about)
            for grid, about in ((grids[self._finest.path], about) for grids, about in places)
        ]
        channels = sum(
            self._projections[path].axes.shape[1]
            if path in self._projections
            else first[path]["features"].sizes["channel"]
            for path in (part.path for part in self._parts())
        )
        self.nbytes = 4 * channels * cells[self._finest.path]

    def __len__(self) -> int:
        return len(self._trees)

    @overload
    def __getitem__(self, index: int) -> xr.DataArray: ...

    @overload
    def __getitem__(self, index: slice) -> list[xr.DataArray]: ...

    def __getitem__(self, index: int | slice) -> xr.DataArray | list[xr.DataArray]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        tree = self._trees[index]
        layers = tree_layers(tree)
        wanted = Grid.of(layers[self._finest.path])
        total = math.hypot(*(parts[0].weight for parts in self._recipe.values()))
        features: list[torch.Tensor] = []
        channels: list[Part] = []
        for parts in self._recipe.values():
            joined, owners = self._join_layers(layers, parts)
            grid = Grid.of(layers[parts[0].path])
            cells = unit_length(resample(joined, grid, wanted))
            features.append(cells * (parts[0].weight / total))
            channels += owners
        return self._labelled(torch.cat(features), wanted, channels, tree.attrs)

    def _parts(self) -> Iterator[Part]:
        return (part for parts in self._recipe.values() for part in parts)

    def _join_layers(
        self, layers: Mapping[str, xr.Dataset], parts: Sequence[Part]
    ) -> tuple[torch.Tensor, list[Part]]:
        """The layers of one source, projected and joined on its finest grid, and whose channels.

        `parts` come finest first. A layer goes through each finer grid, as the implementation of
        "A Tale of Two Features" does, or in one step if it is `direct`: bilinear interpolation in
        two steps is not that in one, and inner products differ by up to 7 %.
        """
        grids = [Grid.of(layers[part.path]) for part in parts]
        joined: list[torch.Tensor] = []
        channels: list[Part] = []
        for place, part in enumerate(parts):
            cells = as_tensor(layers[part.path]["features"].values)
            if part.path in self._projections:
                cells = self._projections[part.path](cells)
            at = grids[place]
            for finer in grids[:1] if part.is_direct else grids[:place][::-1]:
                cells, at = resample(cells, at, finer), finer
            joined.append(cells)
            channels += [part] * cells.shape[0]
        return unit_length(torch.cat(joined)), channels

    def _labelled(
        self, features: torch.Tensor, grid: Grid, channels: Sequence[Part], image: Mapping[Any, Any]
    ) -> xr.DataArray:
        sources, layers = [part.source for part in channels], [part.layer for part in channels]
        return build_map(
            features, grid, sources=sources, layers=layers, image=image, basis=self._basis
        )


def _checked_layers(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    name = tree.attrs.get("image_name", "?") if isinstance(tree, xr.DataTree) else "?"
    check_tree(tree, f"the feature tree of {name}")
    return tree_layers(tree)
