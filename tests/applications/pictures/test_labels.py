import numpy as np
import pytest
from descr.applications.pictures.labels import place_labels
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = (30.0, 20.0)
BOUNDS = (0.0, 0.0, 400.0, 300.0)


def boxes(centres: np.ndarray) -> np.ndarray:
    half = np.array(SIZE) / 2
    return np.concatenate([centres - half, centres + half], axis=1)


def shared(first: np.ndarray, second: np.ndarray) -> float:
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    return float(np.clip(sides, 0, None).prod())


def placed(points: np.ndarray) -> np.ndarray:
    return place_labels(points, np.tile(SIZE, (len(points), 1)), BOUNDS, radius=5.0)


def test_a_label_alone_stands_at_the_upper_right() -> None:
    (centre,) = placed(np.array([[200.0, 150.0]]))
    assert centre[0] > 200
    assert centre[1] < 150


@pytest.mark.parametrize("corner", [(0, 0), (399, 0), (0, 299), (399, 299)])
def test_labels_stay_inside(corner: tuple[float, float]) -> None:
    (box,) = boxes(placed(np.array([corner], dtype=float)))
    assert box[0] >= 0
    assert box[1] >= 0
    assert box[2] <= 400
    assert box[3] <= 300


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=30, unique=True)
)
@settings(max_examples=40, deadline=None)
def test_labels_of_points_that_lie_apart_do_not_meet(cells: list[tuple[int, int]]) -> None:
    # Each point has room enough for a label of its own.
    points = np.array(cells, dtype=float) * (48, 36) + (30, 24)
    found = boxes(placed(points))
    for index, box in enumerate(found):
        assert all(shared(box, other) == 0 for other in found[index + 1 :])


def test_crowded_labels_are_led_away() -> None:
    points = np.array([[200.0, 150.0], [206.0, 152.0], [203.0, 156.0], [198.0, 155.0]])
    found = boxes(placed(points))
    for index, box in enumerate(found):
        assert all(shared(box, other) == 0 for other in found[index + 1 :])
    assert place_labels(np.empty((0, 2)), np.empty((0, 2)), BOUNDS, radius=5.0).shape == (0, 2)
