"""A part in the images of an index: which of them to look at, and where it lies in each."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from .hits import Hit
from .part import Part, spacing_of
from .scan import Vectors, best_places, best_scores
from .shards import Shard
from .votes import find_instances

FEW = 64
"""Cells of a part that another rank than tiles is asked for: tiles find a larger one as well."""

_TOGETHER = 32  # images whose cells vote at once
_OPEN = 64  # arrays that are mapped into memory at once, each of which keeps a file open

Rank: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""How likely each image (image,) holds cells (cell, channel): the higher, the likelier."""


class Lookup:
    """Where parts lie in the images of some shards, counted through all of them.

    Args:
        shards: The shards.
        there: Which images count: neither removed nor replaced (image,).
        rank: By what the candidates of a part of few cells are found; None for their tiles, as
            those of a larger part are.
    """

    def __init__(
        self, shards: Sequence[Shard], there: npt.NDArray[np.bool_], rank: Rank | None = None
    ) -> None:
        self._shards = shards
        self._first = list(accumulate((shard.images for shard in shards), initial=0))
        self._there = torch.from_numpy(there)
        self._rank = rank
        self._vectors = lru_cache(_OPEN)(lambda number, kind: shards[number].vectors(kind))

    def hits(self, part: Part, top: int, candidates: int | None) -> list[Hit]:
        """The best images, out of so many candidates; out of all for None."""
        order = self._there.nonzero()[:, 0]
        if candidates is not None:
            if self._rank and len(part.cells) <= FEW:
                likely = self._rank(part.cells)
            else:
                likely = self.scores([part.cells], "tiles")[0]
            order = _best(order, likely[order], candidates)
        if len(part.cells) == 1:
            # Nothing but the best cell counts: only where the best images have it is looked for.
            order = _best(order, self._bests(part.cells, order), top)
        # The likeliest say what the others must be worth, which then come shard by shard.
        order = torch.cat([order[:_TOGETHER], order[_TOGETHER:].sort().values])
        hits: dict[int, Hit] = {}
        for start in range(0, len(order), _TOGETHER):
            least = min(hit.score for hit in hits.values()) if len(hits) == top else -math.inf
            hits |= self._hits_in(part, order[start : start + _TOGETHER].tolist(), least)
            best = sorted(hits.items(), key=lambda item: (-item[1].score, item[1].key))
            hits = dict(best[:top])
        # What is told must be sure; what damage hides is found by `Shard.check`.
        for image in hits:
            shard, place, cells = self._of_image(image)
            shard.check_cells(cells, place)
        return list(hits.values())

    def hit(self, part: Part, image: int) -> Hit:
        """Where a part lies in an image."""
        shard, place, cells = self._of_image(image)
        shard.check_cells(cells, place)
        return self._hits_in(part, [image], -math.inf)[image]

    def _hits_in(self, part: Part, images: Sequence[int], least: float) -> dict[int, Hit]:
        """Where a part lies in images, but for those that are worth less than `least`."""
        looks = []
        for image in images:
            shard, place, cells = self._of_image(image)
            cosine, cell = best_places(cells, part.cells)
            if float(cosine.clamp(min=0).mean()) >= least:
                grid = shard.grid(place)
                row, column = np.divmod(cell.numpy(), len(grid.x))
                target = np.stack([grid.x[column], grid.y[row]], axis=1)
                looks.append(((image, shard, place), target, cosine.numpy(), spacing_of(grid)))
        if not looks:
            return {}
        about, targets, cosines, spacings = zip(*looks, strict=True)
        spacing = part.spacing, np.array(spacings, np.float32)
        instances = find_instances(part.places, np.stack(targets), np.stack(cosines), spacing)
        hits = {}
        for (image, shard, place), instance in zip(about, instances, strict=True):
            if instance.score >= least:
                corners = part.corners @ instance.matrix[:, :2].T + instance.matrix[:, 2]
                height, width = shard.column("sizes")[place].tolist()
                hits[image] = Hit(shard.key(place), (height, width), *instance, corners)
        return hits

    def part(self, image: int, count: int) -> Part:
        """An image of the index as what is looked for, by so many of its cells."""
        shard, place, cells = self._of_image(image)
        return Part.spread(*cells, shard.grid(place), count)

    def images(self) -> dict[str, tuple[int, int]]:
        """The place of each image that counts, and the checksum of its cells, by key."""
        keys = [key for shard in self._shards for key in shard.keys]
        sums = [int(one) for shard in self._shards for one in shard.column("sums")]
        return {keys[at]: (at, sums[at]) for at in self._there.nonzero()[:, 0].tolist()}

    def scores(self, queries: Sequence[torch.Tensor], kind: str) -> torch.Tensor:
        """The mean of the best cosines of the cells of each query in each image (query, image).

        By the `cells` of the images, or by their `tiles`.
        """
        cells, ends = torch.cat(list(queries)), list(accumulate(map(len, queries)))
        # Made before the products, between which what stays would leave holes in the memory.
        counts = [shard.counts[kind] for shard in self._shards]
        means = torch.empty(len(queries), self._first[-1])
        parts = ((self._vectors(number, kind), count) for number, count in enumerate(counts))
        for first, best in zip(self._first, best_scores(parts, cells), strict=False):
            of_queries = best.clamp_(min=0).tensor_split(ends[:-1])
            for mean, one in zip(means, of_queries, strict=True):
                torch.mean(one, dim=0, out=mean[first : first + one.shape[1]])
        return means

    def _of_image(self, image: int) -> tuple[Shard, int, Vectors]:
        """The shard of an image, its place there, and its cells."""
        number = int(np.searchsorted(self._first, image, side="right")) - 1
        shard, place = self._shards[number], image - self._first[number]
        return shard, place, shard.of_image(self._vectors(number, "cells"), place)

    def _bests(self, cell: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """The best cosine of a cell (1, channel) in each of some images (image,)."""
        if len(images) == int(self._there.sum()):
            return self.scores([cell], "cells")[0, images]
        best, (ordered, places) = torch.empty(len(images)), images.sort()
        cells = (self._of_image(image)[2] for image in ordered.tolist())
        best[places] = torch.tensor([float(one.cosines(cell).amax()) for one in cells])
        return best


def _best(images: torch.Tensor, scores: torch.Tensor, count: int) -> torch.Tensor:
    """The images of the highest scores, best first, and the first of equal ones."""
    return images[scores.argsort(descending=True, stable=True)[:count]]
