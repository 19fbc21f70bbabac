"""How many mutual matches of XFeat and of SIFT are right.

Every pair has a truth: photographs of scikit-image and what they become when they are seen in
perspective, turned and darkened, and its `stereo_motorcycle` with its disparity. Columns hold the
number of matches, and how many per cent of them end within 8 and 4 pixels of the truth.
"""

from collections.abc import Iterator

from descr.descriptors import SIFT, XFeat
from descr.matchers import MutualNearestNeighbor, to_matches

from ..bench import Bench
from ..photographs import errors, pairs, shares
from ..results import Row


def run(bench: Bench) -> Iterator[Row]:
    """A row for each pair."""
    descriptors = {"xfeat": XFeat(device=bench.device), "sift": SIFT()}
    for name, (first, second, truth) in pairs(12, 25):
        yield Row(
            name,
            {
                title: shares(
                    errors(to_matches(MutualNearestNeighbor()(*describe(first, second))), truth),
                    (8, 4),
                )
                for title, describe in descriptors.items()
            },
        )
