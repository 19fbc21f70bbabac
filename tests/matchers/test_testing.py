"""The checks must fail on a matcher that breaks its promises."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from descr.matchers import (
    MutualNearestNeighbor,
    NearestNeighbor,
    Partners,
    SoftArgmax,
    available,
    create,
)
from descr.matchers.testing import CHECKS, check_matcher


@pytest.mark.parametrize(
    "matcher",
    [
        *(create(name) for name in available()),
        NearestNeighbor(dtype="bfloat16", margin=2),
        MutualNearestNeighbor(tolerance=1, block=5, margin=0),
        SoftArgmax(window=None, margin=1),
        SoftArgmax(window=2, temperature=0.5),
    ],
    ids=repr,
)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_matcher_keeps_the_promises(matcher, check):
    check(matcher)


class ForgetsTheTargetMask(NearestNeighbor):
    def __call__(self, source, target, **options):
        return super().__call__(source, target, **{**options, "target_mask": None})


class ForgetsTheSourceMask(NearestNeighbor):
    def __call__(self, source, target, **options):
        return super().__call__(source, target, **{**options, "source_mask": None})


class ShiftsPoints(NearestNeighbor):
    def match(self, query, source, target):
        partners = super().match(query, source, target)
        return partners if query is source else replace(partners, x=partners.x.roll(1))


class LeavesTheImage(NearestNeighbor):
    def match(self, query, source, target):
        partners = super().match(query, source, target)
        return replace(partners, x=partners.x + 30)


class Guesses(NearestNeighbor):
    def match(self, query, source, target):
        index = torch.randint(len(target), (len(query),))
        return Partners(target.x[index], target.y[index], torch.zeros(len(query)))


class SpoilsTheMap(NearestNeighbor):
    def match(self, query, source, target):
        partners = super().match(query, source, target)
        source.features[:, 0] = source.features[:, 1]
        return partners


class KeepsCoordinatesOfTheUnmatched(NearestNeighbor):
    def __call__(self, source, target, **options):
        result = super().__call__(source, target, **options)
        result["matched"][:] = False
        return result


class DependsOnTheBlock(NearestNeighbor):
    def match(self, query, source, target):
        partners = super().match(query, source, target)
        return replace(partners, score=partners.score * (1 if self.block is None else 0.5))


class LooksAtTheSource(NearestNeighbor):
    uses_source = False

    def match(self, query, source, target):
        partners = super().match(query, source, target)
        return replace(partners, score=partners.score / len(source))


class LooksAtPlaces(NearestNeighbor):
    uses_source = False

    def match(self, query, source, target):
        partners = super().match(query, source, target)
        return replace(partners, x=torch.where(query.x > 20, target.x[0], partners.x))


class KeepsSettingsLoose(NearestNeighbor):
    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)


class ComparesAnything(NearestNeighbor):
    def __call__(self, source, target, **options):
        if isinstance(getattr(target, "attrs", None), dict):
            target = target.assign_attrs(basis=source.attrs["basis"])
        return super().__call__(source, target, **options)


class HasTwoPrecisions(NearestNeighbor):
    def __call__(self, source, target, **options):
        result = super().__call__(source, target, **options)
        return result.assign(score=result["score"].astype(np.float64))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (ForgetsTheTargetMask, "outside the target mask"),
        (ForgetsTheSourceMask, "outside the mask is matched"),
        (ShiftsPoints, "two answers|whether cells or points"),
        (LeavesTheImage, "outside the target image"),
        (Guesses, "two answers|depends on"),
        (SpoilsTheMap, "source map was changed|two answers|depends on"),
        (KeepsCoordinatesOfTheUnmatched, "unmatched place has a target_x"),
        (DependsOnTheBlock, "score depends on the block size"),
        (LooksAtTheSource, "score depends on the source"),
        (LooksAtPlaces, "target_x depends on the source"),
        (KeepsSettingsLoose, "can be changed after construction"),
        (ComparesAnything, "no IncomparableFeaturesError"),
        (HasTwoPrecisions, "score has the type float64"),
    ],
)
def test_a_broken_promise_is_caught(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_matcher(broken())
