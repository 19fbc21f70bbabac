"""A part in the images of an index: which of them to look at, and where it lies in each."""

import math
from bisect import insort
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from .hits import Hit
from .part import Part, spacing_of
from .scan import best_places, best_scores
from .shards import Shard
from .votes import find_instance

_OPEN = 64  # arrays that are mapped into memory at once, each of which keeps a file open

Rank: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""How likely each image (image,) holds cells (cell, channel): the higher, the likelier."""


class Lookup:
    """Where parts lie in the images of some shards, counted through all of them.

    Args:
        shards: The shards.
        there: Which images count: neither removed nor replaced (image,).
        rank: By what candidates are found; None for their tiles.
    """

    def __init__(
        self, shards: Sequence[Shard], there: npt.NDArray[np.bool_], rank: Rank | None = None
    ) -> None:
        self._shards = shards
        self._first = list(accumulate((shard.images for shard in shards), initial=0))
        self._there = torch.from_numpy(there)
        self._rank = rank or (lambda cells: self._scores(cells, "tiles"))
        self._vectors = lru_cache(_OPEN)(lambda number, kind: shards[number].vectors(kind))

    def hits(self, part: Part, top: int, candidates: int | None) -> list[Hit]:
        """The best images, out of so many candidates; out of all for None."""
        if candidates is not None:
            order = self._best(self._rank(part.cells), candidates)
        elif len(part.cells) == 1:
            order = self._best(self._scores(part.cells, "cells"), top)
        else:
            # Which cells agree is seen when all have their places: no image can be left out before.
            order = self._there.nonzero()[:, 0]
        hits: list[Hit] = []
        for image in order.tolist():
            hit = self._hit(part, image, hits[-1].score if len(hits) == top else -math.inf)
            if hit is not None:
                insort(hits, hit, key=lambda hit: (-hit.score, hit.key))
                del hits[top:]
        return hits

    def _hit(self, part: Part, image: int, least: float) -> Hit | None:
        """Where a part lies in an image; None if that is sure to be worth less than `least`."""
        number = int(np.searchsorted(self._first, image, side="right")) - 1
        shard, place = self._shards[number], image - self._first[number]
        cells = shard.of_image(self._vectors(number, "cells"), place)
        cosine, cell = best_places(cells, part.cells)
        if float(cosine.clamp(min=0).mean()) < least:
            return None
        grid = shard.grid(place)
        row, column = np.divmod(cell.numpy(), len(grid.x))
        target = np.stack([grid.x[column], grid.y[row]], axis=1)
        spacing = part.spacing, spacing_of(grid)
        instance = find_instance(part.places, target, cosine.numpy(), spacing)
        if instance.score < least:
            return None
        # Of what is not told, nothing needs to be sure.
        shard.check_cells(cells, place)
        corners = part.corners @ instance.matrix[:, :2].T + instance.matrix[:, 2]
        height, width = shard.column("sizes")[place].tolist()
        return Hit(shard.keys[place], (height, width), *instance, corners)

    def _scores(self, cells: torch.Tensor, kind: str) -> torch.Tensor:
        """The mean of the best cosines of cells in each image, by its own cells or its tiles."""
        means = []
        for number, shard in enumerate(self._shards):
            best = best_scores(self._vectors(number, kind), shard.counts[kind], cells)
            means.append(best.clamp_(min=0).mean(dim=0))
        return torch.cat(means) if means else torch.empty(0)

    def _best(self, scores: torch.Tensor, count: int) -> torch.Tensor:
        """The images of the highest scores, best first, and the first of equal ones."""
        scores = scores.masked_fill(~self._there, -torch.inf)
        order = scores.argsort(descending=True, stable=True)[:count]
        return order[scores[order] > -torch.inf]
