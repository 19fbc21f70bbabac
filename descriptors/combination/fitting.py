"""The fitting of a basis: the features of one image after the other, here or on workers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import torch
import xarray as xr

from ..errors import ClusterError, InvalidFeaturesError, OptionError
from ..features.tensors import Features
from ..runtime.cluster import count_workers, on_workers
from ..runtime.memory import check_fits
from ..settings import check_int
from .pca import Moments
from .recipe import check_same_space, read_recipe

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
Block: TypeAlias = Sequence[tuple[int, str]]
"""The places and the keys of some images of a store."""

_COPIES = 4
"""How many times the features of an image are held at most: in float64 by a PCA, or as a map in the
making."""
FEWER = "take fewer images, or extract them at a lower size (--set size=...)"
_BLOCK = 32
"""Images whose sums are taken together, here as on workers: sums of other parts would differ in
their last bits."""


class Fitting:
    """A basis in the making, to which the features of one image after the other are added."""

    def __init__(
        self, weights: Mapping[str, float] | None, components: int | Mapping[str, int | None] | None
    ) -> None:
        self._weights = weights or {}
        self._most = components if isinstance(components, int) else None
        self._components = components if isinstance(components, Mapping) else {}
        self._layers: dict[str, dict[str, Any]] | None = None
        self._first = ""
        self._moments: dict[str, Moments] = {}
        self._cells: Counter[str] = Counter()

    def add(
        self, features: Features, sample: tuple[int, np.random.Generator] | None = None
    ) -> None:
        """Take in the features of one image: all cells, or so many that a generator draws."""
        about = facts(features)
        if self._layers is None:
            self._layers, self._first = about, name_of(features)
            if self._most is not None:
                most = check_int("components", self._most, minimum=1)
                self._components = {
                    path: most for path, layer in about.items() if layer["channels"] > most
                }
            self._recipe = read_recipe(about, self._weights, self._components)
            parts = [part for parts in self._recipe.values() for part in parts]
            self._moments = {part.path: Moments() for part in parts if part.components}
        else:
            overrides = self._weights, self._components
            check_same_space(self._layers, about, *overrides, self._first, name_of(features))
        check_fits(
            _COPIES * features.nbytes, f"combining the features of {name_of(features)}", FEWER
        )
        for path, layer in features.layers.items():
            grid = layer.features
            self._cells[path] += grid[0].numel()
            if path in self._moments:
                self._moments[path].add(grid if sample is None else _sample(grid, *sample))

    def merge(self, later: "Fitting") -> None:
        """Take in what was added to another, which is not to be used after."""
        if self._layers is None:
            vars(self).update(vars(later))
        elif later._layers is not None:
            overrides = self._weights, self._components
            check_same_space(self._layers, later._layers, *overrides, self._first, later._first)
            self._cells += later._cells
            for path, moments in later._moments.items():
                self._moments[path].merge(moments)

    def parts(self) -> tuple[Any, Any, Any, str]:
        """What a `Basis` of all that was added is made of."""
        if self._layers is None:
            raise InvalidFeaturesError("combine needs at least one feature tree")
        recipe = {
            source: sorted(parts, key=lambda part: -self._cells[part.path])
            for source, parts in self._recipe.items()
        }
        finest = max((parts[0] for parts in recipe.values()), key=lambda p: self._cells[p.path])
        projections = {
            part.path: self._moments[part.path].projection(part.components)
            for parts in recipe.values()
            for part in parts
            if part.components
        }
        return recipe, projections, self._layers, finest.path


def fit_blocks(
    trees: Iterable[xr.DataTree | Features] | Mapping[str, Any],
    progress: Callable[[str], None],
    client: "Client | None",
    **how: Any,
) -> Iterator[Fitting]:
    """A fitting of each block of images, in order, with the settings `how` of `_fit`.

    `progress` is called with each key of a mapping: before it is read here, after it was on a
    worker.
    """
    if client is None:
        places = enumerate(_one_by_one(trees, progress))
        for first in places:
            yield _fit(chain([first], islice(places, _BLOCK - 1)), **how)
        return
    if not isinstance(trees, Mapping):
        hint = "give Basis.fit a FeatureStore"
        raise OptionError("workers read features from a store", hint=hint)
    work = partial(_fit_keys, trees, **how)
    blocks = [(block,) for block in _cut(list(enumerate(trees)), _BLOCK)]
    # In turns, so that few blocks wait for one before them.
    for some in _cut(blocks, 2 * count_workers(client)):
        fittings = {}
        for (block,), fitting in on_workers(client, work, some):
            if isinstance(fitting, ClusterError):
                raise fitting
            for _, key in block:
                progress(key)
            fittings[block[0]] = fitting
        for (block,) in some:
            yield fittings[block[0]]


def _cut(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[place : place + size] for place in range(0, len(items), size))


def _one_by_one(
    trees: Iterable[Any] | Mapping[str, Any], progress: Callable[[str], None]
) -> Iterator[Any]:
    if not isinstance(trees, Mapping):
        yield from trees
        return
    for key in trees:
        progress(key)
        yield trees[key]


def _fit_keys(store: Mapping[str, Any], batch: Sequence[Block], **how: Any) -> Fitting:
    """The fitting of the one block of a batch: a worker's work, of which no part stands alone."""
    (block,) = batch
    return _fit(((place, store[key]) for place, key in block), **how)


def _fit(
    trees: Iterable[tuple[int, xr.DataTree | Features]],
    *,
    weights: Mapping[str, float] | None,
    components: int | Mapping[str, int | None] | None,
    share: int | None,
    seed: int,
) -> Fitting:
    """The fitting of trees by their places, of each so many cells as its `share`."""
    fitting = Fitting(weights, components)
    for place, tree in trees:
        generator = np.random.default_rng((seed, place))
        fitting.add(as_features(tree), None if share is None else (share, generator))
    return fitting


def as_features(tree: xr.DataTree | Features) -> Features:
    """The features as tensors; a tree is checked."""
    return tree if isinstance(tree, Features) else Features.from_tree(tree)


def facts(features: Features) -> dict[str, dict[str, Any]]:
    """What each layer says of itself, and how many channels it has, by "source/layer"."""
    return {
        path: {**layer.attributes, "channels": len(layer.features)}
        for path, layer in features.layers.items()
    }


def _sample(grid: torch.Tensor, count: int, generator: np.random.Generator) -> torch.Tensor:
    """So many cells of a grid, without repeats, as a grid of one column; all if there are fewer."""
    cells = grid.flatten(1)
    if count >= cells.shape[1]:
        return grid
    places = np.sort(generator.choice(cells.shape[1], count, replace=False))
    return cells.index_select(1, torch.from_numpy(places).to(grid.device))[:, :, None]


def name_of(features: Features) -> str:
    """What messages call the features."""
    return str(features.image["image_name"])
