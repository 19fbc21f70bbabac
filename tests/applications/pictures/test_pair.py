import numpy as np
import pytest
from descr.applications.pictures.pair import PairLayout
from hypothesis import given, settings
from hypothesis import strategies as st

SIDES = st.integers(2, 4000)
SHAPES = st.tuples(SIDES, SIDES)


@given(
    a=SHAPES,
    b=SHAPES,
    width=st.integers(64, 4000),
    layout=st.sampled_from(["auto", "beside", "stacked"]),
    titles=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_corners_come_to_lie_on_corners(
    a: tuple[int, int], b: tuple[int, int], width: int, layout: str, titles: bool
) -> None:
    place = PairLayout.of(a, b, width, layout, titles=titles)
    parts = (
        (place.in_a, a, (0, place.header), place.size_a),
        (place.in_b, b, place.corner_b, place.size_b),
    )
    for within, shape, (left, top), (tall, wide) in parts:
        points = np.array([[-0.5, -0.5], [shape[1] - 0.5, shape[0] - 0.5]])
        expected = [(left - 0.5, top - 0.5), (left + wide - 0.5, top + tall - 0.5)]
        np.testing.assert_allclose(within(points), expected)
        assert 0 <= left <= left + wide <= place.width
        assert 0 <= top <= top + tall <= place.height
    # They don't overlap.
    left, top = place.corner_b
    assert left >= place.size_a[1] + place.gap or top >= place.header + place.size_a[0] + place.gap


@pytest.mark.parametrize(
    ("a", "b", "stacked"),
    [
        ((300, 450), (300, 450), False),
        ((9, 16), (9, 16), True),
        ((400, 300), (400, 300), False),
        ((100, 300), (100, 300), True),
        ((100, 300), (300, 100), False),
    ],
)
def test_auto_comes_near_to_a_page(a: tuple[int, int], b: tuple[int, int], stacked: bool) -> None:
    assert PairLayout.of(a, b, 800, "auto").stacked == stacked
