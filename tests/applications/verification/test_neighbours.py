import numpy as np
import pytest
from descr.applications.verification import Neighbours
from descr.applications.verification.testing import list_matches, render_matches
from descr.descriptors.errors import OptionError
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = 600.0


def bend(points, seed, far):
    """Points (n, 2) moved smoothly and at random, by waves longer than half of the picture."""
    generator = np.random.default_rng(seed)
    moved = points.copy()
    for _ in range(3):
        frequency = generator.uniform(-2, 2, 2) * np.pi / SIZE
        phase, direction = generator.uniform(0, 6), generator.normal(size=2)
        moved += far * np.sin(points @ frequency + phase)[:, None] * direction
    return moved


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    degrees=st.floats(-180, 180),
    scale=st.floats(0.5, 2),
    mirrored=st.booleans(),
    wrong=st.integers(0, 150),
)
def test_a_smooth_warp_is_kept_and_random_matches_are_not(seed, degrees, scale, mirrored, wrong):
    generator = np.random.default_rng(seed)
    source = generator.uniform(0, SIZE, (400 + wrong, 2))
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = bend(source * (-1 if mirrored else 1, 1), seed, 8) @ turn.T
    # Farther off than neighbours lie apart: none is right by chance.
    away, way = generator.uniform(SIZE / 2, SIZE, wrong), generator.uniform(0, 2 * np.pi, wrong)
    target[400:] += max(1, scale) * away[:, None] * np.stack([np.cos(way), np.sin(way)], axis=1)
    inlier = Neighbours(threshold=12 * max(1, scale))(list_matches(source, target))["inlier"].values
    assert inlier[:400].mean() > 0.9
    assert not inlier[400:].any()


def test_random_matches_are_rejected():
    generator = np.random.default_rng(0)
    matches = list_matches(*generator.uniform(0, SIZE, (2, 500, 2)))
    result = Neighbours()(matches)
    assert not result["inlier"].any()
    assert "model" not in result
    says = "0 of 500 matches agree with their neighbours within 3.0 pixels"
    assert result.attrs["verification"] == says


def by_definition(source, target, *, neighbours, share, threshold, scale):
    """Match by match, neighbour by neighbour."""
    inlier = []
    for i in range(len(source)):
        apart = np.hypot(*(source - source[i]).T)
        apart[i] = np.inf
        nearest = np.argsort(apart)[: min(neighbours, len(source) - 1)]
        most = 0
        for flip in (1, -1):
            here = {j: complex(*((source[j] - source[i]) * (1, flip))) for j in nearest}
            there = {j: complex(*(target[j] - target[i])) for j in nearest}
            for j in nearest:
                turn = there[j] / here[j]
                if 1 / scale <= abs(turn) <= scale:
                    others = [k for k in nearest if k != j]
                    near = [abs(there[k] - turn * here[k]) <= threshold for k in others]
                    most = max(most, sum(near))
        inlier.append(most >= max(2, share * (len(nearest) - 1)))
    return inlier


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(4, 40),
    neighbours=st.integers(3, 8),
    share=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
    scale=st.sampled_from([1.1, 2.0, 4.0]),
    seed=st.integers(0, 2**16),
)
def test_the_answer_is_that_of_the_definition(count, neighbours, share, scale, seed):
    generator = np.random.default_rng(seed)
    source = generator.uniform(0, 100, (count, 2))
    target = source + generator.normal(size=(count, 2)) * generator.choice([1, 30], (count, 1))
    options = {"neighbours": neighbours, "share": share, "scale": scale, "threshold": 4.0}
    inlier = Neighbours(**options)(list_matches(source, target))["inlier"].values
    assert inlier.tolist() == by_definition(source, target, **options)


def test_what_collapses_onto_one_spot_is_rejected():
    """A spot that attracts everything explains all that ends there, without any similarity."""
    source = np.random.default_rng(0).uniform(0, SIZE, (100, 2))
    assert not Neighbours()(list_matches(source, np.full((100, 2), 7.0)))["inlier"].any()
    assert not Neighbours()(list_matches(source, source / 100))["inlier"].any()
    assert Neighbours(scale=200)(list_matches(source, source / 100))["inlier"].all()


def test_matches_of_one_spot_say_nothing_of_each_other():
    matches = list_matches(np.ones((30, 2)), np.full((30, 2), 5.0))
    assert not Neighbours()(matches)["inlier"].any()
    source = np.repeat(np.random.default_rng(0).uniform(0, SIZE, (40, 2)), 2, axis=0)
    assert Neighbours()(list_matches(source, source + 4))["inlier"].all()


def test_the_pieces_that_are_held_at_once_change_no_answer(monkeypatch):
    from descr.applications.verification import neighbours

    generator = np.random.default_rng(0)
    source = generator.uniform(0, SIZE, (200, 2))
    target = source + np.where(
        generator.random((200, 1)) < 0.4, generator.normal(size=(200, 2)) * 90, 3
    )
    whole = Neighbours()(list_matches(source, target))
    monkeypatch.setattr(neighbours, "_HELD", 1)
    assert Neighbours()(list_matches(source, target)).identical(whole)


@pytest.mark.parametrize(
    "wrong", [{"neighbours": 2}, {"share": 1.5}, {"threshold": -1}, {"scale": 0.5}]
)
def test_settings_are_checked(wrong):
    (name,) = wrong
    with pytest.raises(OptionError, match=name):
        Neighbours(**wrong)


@pytest.mark.parametrize("larger", [1 / 16, 16])
def test_a_photograph_of_another_size_has_the_same_answer(larger):
    matches = render_matches(300, 100)
    sides = {"source_spacing": 16.0, "target_spacing": 16.0 * larger}
    resized = matches.assign(
        {f"target_{axis}": larger * matches[f"target_{axis}"] for axis in "xy"}
    )
    inlier = Neighbours()(resized.assign_attrs(sides))["inlier"]
    assert inlier.equals(Neighbours(threshold=24)(matches)["inlier"])
    assert inlier[:300].mean() > 0.9
