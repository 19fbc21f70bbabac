"""Points against one prepared map, against the bare product of their features with its cells.

60 x 60 cells of 1,536 channels. The floor has the features of the points at hand, and throws its
result away. Mutual matching also looks from the cells that were found back over the source: its
floor has both products.
"""

from collections.abc import Iterator

import numpy as np
import torch
from descr.matchers import MutualNearestNeighbor, NearestNeighbor, SoftArgmax

from ..bench import Bench
from ..maps import SIDE, random_map
from ..results import Row, to_floor

MATCHERS = {
    "nearest": NearestNeighbor(),
    "soft-argmax": SoftArgmax(),
    "mutual": MutualNearestNeighbor(),
}


def run(bench: Bench, *, rounds: int = 40) -> Iterator[Row]:
    """A row for each number of points and matcher."""
    source, target = (random_map(60, 60, 1536, seed, device=bench.device) for seed in (1, 2))
    of_source, of_target = (fmap.features.flatten(1) for fmap in (source, target))
    for count in (1, 10, 100):
        points = np.random.default_rng(count).uniform(0, SIDE - 1, (count, 2))
        queries = source.at(points)
        work = {
            "one way": lambda q=queries: torch.mm(q.T, of_target),
            "both ways": lambda q=queries: (torch.mm(q.T, of_target), torch.mm(q.T, of_source)),
        }
        for name, matcher in MATCHERS.items():
            work[name] = lambda m=matcher, at=points: m(source, target, points=at)
        taken = bench.race(work, rounds=rounds)
        for name in MATCHERS:
            floor = taken["both ways" if name == "mutual" else "one way"]
            times = {"value": taken[name], "floor": floor}
            yield to_floor(f"{count} points, {name}", times, most=1.5)
