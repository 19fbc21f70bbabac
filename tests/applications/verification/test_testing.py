"""The checks pass on every verifier that there is, and fail on one that breaks its promises."""

from dataclasses import replace

import numpy as np
import pytest
from descr.applications.verification import (
    Fundamental,
    Homography,
    Neighbours,
    Verdict,
    Verifier,
    available,
    create,
)
from descr.applications.verification.testing import CHECKS, check_verifier


class Still(Verifier):
    """The example of the documentation."""

    def __init__(self, *, most=20.0):
        self.most = most

    def verify(self, matches):
        x, y = (matches[f"target_{axis}"] - matches[f"source_{axis}"] for axis in "xy")
        return Verdict(np.hypot(x, y).values <= self.most)


@pytest.mark.parametrize(
    "verifier",
    [
        *(create(name) for name in available()),
        Homography(threshold=1, seed=5),
        Fundamental(iterations=50),
        Neighbours(neighbours=3, share=1, scale=1),
        Still(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_verifier_keeps_the_promises(verifier, check):
    check(verifier)


class Guesses(Still):
    def verify(self, matches):
        return Verdict(np.random.default_rng().random(matches.sizes["match"]) < 0.5)


class DropsTheWrongOnes(Homography):
    def __call__(self, matches):
        result = super().__call__(matches)
        return result.isel(match=result["inlier"].values) if "match" in result.dims else result


class FindsInfinity(Homography):
    def verify(self, matches):
        return replace(super().verify(matches), model=np.full((3, 3), np.inf))


class TakesAnything(Still):
    def __call__(self, matches):
        return super().__call__(matches.fillna(0.0))


class SaysNothing(Still):
    def __call__(self, matches):
        return super().__call__(matches).assign_attrs(verification="")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Guesses, "depends on the form|two answers"),
        (DropsTheWrongOnes, "changes the matches"),
        (FindsInfinity, "not finite"),
        (TakesAnything, "no OptionError"),
        (SaysNothing, "count the inliers"),
    ],
)
def test_a_broken_promise_is_caught(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_verifier(broken())
