"""From feature trees of several images to feature maps that can be compared with each other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import xarray as xr

from .errors import InvalidFeaturesError
from .grids import Grid, as_tensor, resample, unit_length
from .maps import build_map
from .pca import Projection, fit_projection
from .recipe import Part, basis_of, check_same_space, read_recipe
from .runtime.memory import check_fits
from .tree import check_tree, tree_layers

_COPIES = 4
"""How many times the features are held at most: in float64 by a PCA, or as maps in the making."""


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
    weights, components = weights or {}, components or {}
    trees = _checked(trees)
    for other in trees[1:]:
        check_same_space(trees[0], other, weights, components)
    recipe = read_recipe(trees, weights, components)
    layers = [tree_layers(tree) for tree in trees]
    features = (node["features"].nbytes for nodes in layers for node in nodes.values())
    check_fits(
        _COPIES * sum(features),
        f"combining the features of {len(trees)} images",
        "take fewer images, or extract them at a lower size (--set size=...)",
    )
    sources = [_join_layers(layers, parts) for parts in recipe.values()]
    grids = max((source.grids for source in sources), key=_count_cells)
    total = math.hypot(*(source.weight for source in sources))
    basis = basis_of(recipe, [fit for source in sources for fit in source.projections])
    channels = [part for source in sources for part in source.channels]
    return [
        build_map(
            torch.cat(
                [
                    unit_length(resample(source.features[index], source.grids[index], grid))
                    * (source.weight / total)
                    for source in sources
                ]
            ),
            grid,
            sources=[part.source for part in channels],
            layers=[part.layer for part in channels],
            image=tree.attrs,
            basis=basis,
        )
        for index, (tree, grid) in enumerate(zip(trees, grids, strict=True))
    ]


@dataclass(frozen=True, eq=False)
class _Source:
    """The layers of one source, joined: one grid of features per image."""

    features: list[torch.Tensor]
    grids: list[Grid]
    channels: list[Part]
    projections: list[Projection]
    weight: float


def _checked(trees: Sequence[xr.DataTree]) -> list[xr.DataTree]:
    trees = [trees] if isinstance(trees, xr.DataTree) else list(trees)
    if not trees:
        raise InvalidFeaturesError("combine needs at least one feature tree")
    for tree in trees:
        name = tree.attrs.get("image_name", "?") if isinstance(tree, xr.DataTree) else "?"
        check_tree(tree, f"the feature tree of {name}")
    return trees


def _join_layers(images: Sequence[Mapping[str, xr.Dataset]], parts: Sequence[Part]) -> _Source:
    """Project the layers of one source, resample them to its finest grid and join them.

    `parts` come finest first. A layer goes through each finer grid, as the implementation of "A
    Tale of Two Features" does, or in one step if it is `direct`: bilinear interpolation in two
    steps is not that in one, and inner products differ by up to 7 %.
    """
    grids = [[Grid.of(layers[part.path]) for layers in images] for part in parts]
    joined: list[list[torch.Tensor]] = [[] for _ in images]
    channels: list[Part] = []
    projections: list[Projection] = []
    for place, part in enumerate(parts):
        features = [as_tensor(layers[part.path]["features"].values) for layers in images]
        if part.components is not None:
            projections.append(fit_projection(features, part.components))
            features = [projections[-1](cells) for cells in features]
        at = grids[place]
        for finer in grids[:1] if part.is_direct else grids[:place][::-1]:
            features, at = list(map(resample, features, at, finer)), finer
        for each, cells in zip(joined, features, strict=True):
            each.append(cells)
        channels += [part] * features[0].shape[0]
    features = [unit_length(torch.cat(each)) for each in joined]
    return _Source(features, grids[0], channels, projections, parts[0].weight)


def _count_cells(grids: Sequence[Grid]) -> int:
    return sum(len(grid.y) * len(grid.x) for grid in grids)
