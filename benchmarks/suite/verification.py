"""How many matches are right before and after each verifier, and how many right ones it keeps.

Every pair has a truth: photographs of scikit-image and what they become seen in perspective, turned
and darkened; the same photographs bent smoothly, at random; and `stereo_motorcycle` with its
disparity. A match is right within 8 pixels. Columns of verifiers hold precision and recall in per
cent: how many of the matches that are kept are right, and how many of the right ones are kept.
"""

from collections.abc import Iterator

import numpy as np
from descr.applications.verification import available, create
from descr.descriptors import SIFT, XFeat
from descr.matchers import MutualNearestNeighbor, to_matches

from ..bench import Bench
from ..photographs import NAMES, bent_pair, errors, pairs, photograph
from ..results import Row

RIGHT = 8  # pixels


def run(bench: Bench) -> Iterator[Row]:
    """A row for each pair and descriptor."""
    descriptors = {"xfeat": XFeat(device=bench.device), "sift": SIFT()}
    bent = [(f"{name}, bent", bent_pair(photograph(name))) for name in NAMES]
    for pair, (first, second, truth) in [*pairs(12, 25), *bent]:
        for title, describe in descriptors.items():
            matches = to_matches(MutualNearestNeighbor()(*describe(first, second)))
            matches = matches.isel(match=np.isfinite(errors(matches, truth)))
            right = errors(matches, truth) <= RIGHT
            values = {"matches": f"{len(right):,}", "right": f"{right.mean():.1%}"}
            for name in available():
                kept = create(name)(matches)["inlier"].values
                both = (kept & right).sum()
                values[name] = f"{both / max(1, kept.sum()):.1%} / {both / right.sum():.1%}"
            yield Row(f"{pair}: {title}", values)
