import numpy as np
import pytest
from descr.applications.search.votes import find_instances
from hypothesis import given
from hypothesis import strategies as st

GRID = np.stack(np.meshgrid(np.arange(8.0), np.arange(6.0)), axis=2).reshape(-1, 2) * 8


def find_instance(source, target, cosine, spacing):
    """Of one image among others, in each of which the cells lie anywhere."""
    others = np.random.default_rng(5).uniform(0, 500, (2, *target.shape))
    targets = np.stack([others[0], target, others[1]])
    spacings = spacing[0], np.full(3, spacing[1], np.float32)
    return find_instances(source, targets, np.stack([cosine] * 3), spacings)[1]


def _map(angle: float, scale: float, reflected: bool) -> np.ndarray:
    turn = scale * np.exp(1j * np.radians(angle))
    side = -1 if reflected else 1
    return np.array([[turn.real, -side * turn.imag, 40.0], [turn.imag, side * turn.real, -25.0]])


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


@given(st.floats(-180, 180), st.floats(0.5, 2.5), st.booleans())
def test_the_similarity_of_cells_that_all_agree_is_that_by_which_they_were_moved(
    angle, scale, reflected
):
    matrix = _map(angle, scale, reflected)

    instance = find_instance(
        GRID, _apply(matrix, GRID), np.full(len(GRID), 0.9, np.float32), (8.0, 8.0)
    )

    assert instance.agreement == 1
    assert instance.score == pytest.approx(0.9, abs=1e-4)
    np.testing.assert_allclose(_apply(instance.matrix, GRID), _apply(matrix, GRID), atol=0.01)


@given(st.floats(-25, 25), st.floats(0.8, 1.6), st.floats(0, 8), st.floats(0, 8))
def test_places_that_are_rounded_to_cells_give_the_place_of_the_part_to_half_a_cell(
    angle, scale, right, down
):
    matrix = _map(angle, scale, False) + np.array([[0, 0, right], [0, 0, down]])
    target = (_apply(matrix, GRID) / 8).round() * 8

    instance = find_instance(GRID, target, np.ones(len(GRID), np.float32), (8.0, 8.0))

    middle = GRID.mean(axis=0, keepdims=True)
    off = _apply(instance.matrix, middle) - _apply(matrix, middle)
    assert np.abs(off).max() <= 4.1
    assert np.abs(instance.matrix[:, :2] - matrix[:, :2]).max() < 0.15


def test_half_of_the_cells_are_enough_to_say_where_the_part_lies():
    generator = np.random.default_rng(0)
    matrix = _map(20, 1.2, False)
    target = _apply(matrix, GRID)
    wrong = generator.permutation(len(GRID))[: len(GRID) // 2]
    target[wrong] = generator.uniform(-400, 400, (len(wrong), 2))

    instance = find_instance(GRID, target, np.ones(len(GRID), np.float32), (8.0, 8.0))

    assert instance.score == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(_apply(instance.matrix, GRID), _apply(matrix, GRID), atol=1)


def test_one_place_that_all_cells_resemble_counts_as_one():
    target = np.tile([100.0, 60.0], (len(GRID), 1))

    instance = find_instance(GRID, target, np.ones(len(GRID), np.float32), (8.0, 8.0))

    assert instance.score < 0.25


def test_scattered_places_agree_hardly():
    target = np.random.default_rng(1).uniform(0, 1000, (len(GRID), 2))

    instance = find_instance(GRID, target, np.ones(len(GRID), np.float32), (8.0, 8.0))

    assert instance.agreement < 0.15


def test_one_cell_lies_where_its_best_place_is():
    instance = find_instance(
        np.array([[10.0, 20.0]]), np.array([[35.0, 5.0]]), np.array([0.7], np.float32), (8.0, 8.0)
    )

    np.testing.assert_allclose(_apply(instance.matrix, np.array([[10.0, 20.0]])), [[35.0, 5.0]])
    assert instance.score == pytest.approx(0.7)
    assert instance.agreement == 1


def test_a_cosine_below_zero_counts_nothing():
    instance = find_instance(GRID, GRID, np.full(len(GRID), -0.5, np.float32), (8.0, 8.0))

    assert instance.score == 0
