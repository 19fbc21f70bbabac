"""From feature trees of several images to feature maps that can be compared with each other."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack, overload

import torch
import xarray as xr

from ..errors import OptionError
from ..features.grids import Grid
from ..features.maps import build_map, map_attributes
from ..features.tensors import FeatureMap, Features
from ..runtime.memory import check_fits
from .basis import Basis
from .fitting import FEWER, Fitting, as_features


class _Options(TypedDict, total=False):
    weights: Mapping[str, float] | None
    components: Mapping[str, int | None] | None
    basis: Basis | None


@overload
def combine(trees: Sequence[xr.DataTree], **options: Unpack[_Options]) -> list[xr.DataArray]: ...


@overload
def combine(trees: Sequence[Features], **options: Unpack[_Options]) -> list[FeatureMap]: ...


def combine(
    trees: Sequence[xr.DataTree] | Sequence[Features],
    *,
    weights: Mapping[str, float] | None = None,
    components: Mapping[str, int | None] | None = None,
    basis: Basis | None = None,
) -> list[xr.DataArray] | list[FeatureMap]:
    """Feature maps, one per tree, mutually comparable: every cell of unit length.

    For each source, layers that ask for components are projected by one PCA, fitted jointly on
    the cells of all trees; layers are resampled bilinearly, from the coarsest grid of the source
    through each finer one to the finest (in one step if their `resampling` is `direct`), and
    joined, finest first; each cell is scaled to unit length. Sources are resampled to the finest
    grid among them, scaled to unit length again, multiplied by their weights and joined; the
    joined cell is divided by the root of the sum of the squared weights.
    ("A Tale of Two Features", section 3.3 and equation 2.)

    Args:
        trees: Feature trees of all images that are to be compared, extracted with the same
            settings; or their tensors, which stay on their device.
        weights: Source to weight, in place of those in the trees; a source of weight 0 is left
            out, and a factor of all weights changes nothing.
        components: Layer ("source/layer" or "layer") to number of principal components, or None for
            the layer as it is, in place of the numbers in the trees.
        basis: A basis that was fitted before, in place of one that is fitted to these trees; it has
            weights and components of its own.

    Returns:
        list of xarray.DataArray or of FeatureMap: Float32 (channel, y, x), with `y` and `x` in
            pixels of the upright image, `source` and `layer` along channel, and the attributes
            `image_name`, `image_height`, `image_width`, `image_sha256`, `descriptor`, `basis`.

    Raises:
        IncomparableFeaturesError: The trees differ in layers, models, settings or the ratio of
            their weights, or from what the basis was fitted to.
        InvalidFeaturesError: No tree, or one that breaks the schema.
        OptionError: A weight or a number of components for something that the trees don't hold, or
            out of range, or beside a basis.
    """
    one = isinstance(trees, (xr.DataTree, Features))
    listed: list[Any] = [trees] if one else list(trees)
    maps = CombinedMaps(listed, weights, components, basis)
    check_fits(maps.nbytes, f"combining the features of {len(maps)} images", FEWER)
    tensors = [maps.basis.map_of(tree) for tree in listed if isinstance(tree, Features)]
    return tensors or list(maps)


class CombinedMaps(Sequence[xr.DataArray]):
    """The maps that `combine` gives of trees, each made when it is asked for.

    The trees are read once for what all of them decide, and each again for its map. Takes and
    raises what `combine` does. `outlines` are the maps without channels; `nbytes` those of all.
    """

    def __init__(
        self,
        trees: Sequence[xr.DataTree | Features],
        weights: Mapping[str, float] | None = None,
        components: Mapping[str, int | None] | None = None,
        basis: Basis | None = None,
    ) -> None:
        if basis is not None and (weights is not None or components is not None):
            raise OptionError(
                "a basis has its own weights and components", hint="leave them out of the call"
            )
        self._trees = trees
        fitting = Fitting(weights, components)
        take = fitting.add if basis is None else basis.check
        places: list[tuple[Mapping[str, Grid], Mapping[str, Any]]] = []
        for features in map(as_features, trees):
            take(features)
            grids = {path: layer.grid for path, layer in features.layers.items()}
            places.append((grids, features.image))
        self.basis: Basis = Basis(*fitting.parts()) if basis is None else basis
        self.outlines = []
        for grids_of, image in places:
            grid = grids_of[self.basis.finest]
            empty = torch.empty(0, len(grid.y), len(grid.x))
            attrs = map_attributes(image, self.basis.identity)
            self.outlines.append(build_map(empty, grid, attrs))
        cells = sum(one.sizes["y"] * one.sizes["x"] for one in self.outlines)
        self.nbytes = 4 * len(self.basis.sources) * cells

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
        features = tree if isinstance(tree, Features) else Features.read(tree)
        return self.basis.map_of(features).to_xarray()
