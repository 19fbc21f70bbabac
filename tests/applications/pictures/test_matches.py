from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import draw_matches
from descr.applications.pictures.matches import SideBySide
from descr.descriptors.errors import ImageError, InvalidFeaturesError, OptionError
from hypothesis import given, settings
from hypothesis import strategies as st

GREY = 128
SIDES = st.integers(2, 4000)


def flat(height: int, width: int, value: int = GREY) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def matches(*rows: tuple[float, float, float, float, float]) -> xr.Dataset:
    names = ("source_x", "source_y", "target_x", "target_y", "score")
    columns = np.array(rows, dtype=float).reshape(-1, 5).T
    return xr.Dataset(
        {name: ("match", column) for name, column in zip(names, columns, strict=True)}
    )


def drawn(picture: np.ndarray) -> np.ndarray:
    """Where something was drawn on flat grey photographs (and the white gap)."""
    return (picture != GREY).any(axis=-1)


def test_the_images_lie_side_by_side_at_one_height() -> None:
    picture = draw_matches(flat(100, 200, 10), flat(300, 200, 250), matches())
    assert picture.dtype == np.uint8
    assert picture.shape[1] == pytest.approx(1600, abs=2)
    row = picture[picture.shape[0] // 2, :, 0].astype(int)
    left, right = int((row == 10).sum()), int((row == 250).sum())
    # 2:1 beside 2:3 at one height.
    assert left / right == pytest.approx(3, rel=0.01)
    assert (row[left : len(row) - right] == 255).all()
    assert 2 <= len(row) - right - left <= 10
    assert picture.shape[0] == pytest.approx(left / 2, abs=1)


def test_nothing_is_drawn_without_matches() -> None:
    picture = draw_matches(flat(60, 80), flat(60, 80), matches())
    photographs = picture[:, (picture != 255).any(axis=(0, 2))]
    assert (photographs == GREY).all()


def test_rejected_matches_are_grey_and_lie_below() -> None:
    one, other = (10.0, 30.0, 70.0, 30.0, 0.9), (30.0, 10.0, 30.0, 50.0, 0.5)
    pair = flat(60, 80), flat(60, 80)
    crossing = matches(one, other).assign(inlier=("match", [False, True]))
    only = draw_matches(*pair, matches(other)).astype(int)
    both = draw_matches(*pair, crossing).astype(int)
    coloured = np.ptp(only, axis=-1) > 40
    # What was drawn of the match that agrees is as if it were alone.
    assert (both[coloured] == only[coloured]).mean() > 0.99
    rejected = (both == 90).all(axis=-1)
    assert rejected.sum() > 500
    assert np.ptp(both[~coloured], axis=-1).max() <= np.ptp(only[~coloured], axis=-1).max() + 1


@given(x=st.floats(0, 79), y=st.floats(0, 59), u=st.floats(0, 119), v=st.floats(0, 59))
@settings(max_examples=25, deadline=None)
def test_points_lie_where_the_coordinates_say(x: float, y: float, u: float, v: float) -> None:
    picture = draw_matches(flat(60, 80), flat(60, 120), matches((x, y, u, v, 1.0)))
    scale = picture.shape[0] / 60
    left_b = picture.shape[1] - 120 * scale
    color = np.array(picture[centre(y, scale), centre(x, scale)], dtype=int)
    assert np.ptp(color) > 60
    other = picture[centre(v, scale), min(round(left_b + (u + 0.5) * scale - 0.5), 1599)]
    assert np.abs(color - other).max() <= 2


def centre(position: float, scale: float) -> int:
    return round((position + 0.5) * scale - 0.5)


def test_a_dot_is_centred_to_a_fraction_of_a_pixel() -> None:
    one = draw_matches(flat(60, 80), flat(60, 80), matches((20.0, 30.0, 60, 30, 1.0)))
    dots = drawn(one)[:, : one.shape[1] // 2]
    rows = np.flatnonzero(dots[:, : round(20.5 * one.shape[0] / 60)].any(axis=1))
    middle = (rows[0] + rows[-1]) / 2
    assert middle == pytest.approx((30.5) * one.shape[0] / 60 - 0.5, abs=0.5)


def test_a_line_joins_the_points() -> None:
    picture = draw_matches(flat(60, 80), flat(60, 80), matches((10, 10, 70, 50, 1.0)))
    count, labels = cv2.connectedComponents(drawn(picture).astype(np.uint8))
    scale = picture.shape[0] / 60
    start = labels[centre(10, scale), centre(10, scale)]
    end = labels[centre(50, scale), round(picture.shape[1] - (80 - 70.5) * scale)]
    assert start == end != 0
    assert count == 2


def test_the_best_match_lies_on_top() -> None:
    lines = [(10, 10, 70, 50, 0.5), (10, 50, 70, 10, 0.9)]
    picture = draw_matches(flat(60, 80), flat(60, 80), matches(*lines))
    scale = picture.shape[0] / 60
    best = picture[centre(50, scale), centre(10, scale)].astype(int)
    start, end = centre(10, scale), round(picture.shape[1] - (80 - 70.5) * scale)
    crossing_point = picture[centre(30, scale), (start + end) // 2].astype(int)
    assert np.abs(crossing_point - best).max() <= 40
    swapped = draw_matches(flat(60, 80), flat(60, 80), matches(*lines[::-1]))
    np.testing.assert_array_equal(picture, swapped)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((18, 24), (18, 24)),
        ((2, 2), (2, 2)),
        ((3000, 4000), (60, 80)),
        ((400, 40), (400, 40)),
        ((40, 400), (40, 400)),
        ((40, 2000), (2000, 40)),
        ((2, 3000), (2, 3000)),
    ],
)
def test_the_picture_can_be_looked_at_whatever_the_images(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    rows = [(0, 0, b[1] - 1, b[0] - 1, 0.9), (a[1] - 1, a[0] - 1, 0, 0, 0.8)]
    picture = draw_matches(flat(*a), flat(*b), matches(*rows))
    height, width, channels = picture.shape
    assert channels == 3
    assert height <= 2001
    assert width <= 6450
    assert width >= 1000 or height >= 1900
    assert drawn(picture).any()


def test_the_images_are_not_changed() -> None:
    a = flat(60, 80)
    draw_matches(a, a, matches((1, 2, 3, 4, 0.5)))
    assert (a == GREY).all()


def test_images_are_taken_as_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    PIL.Image.fromarray(flat(60, 80)).save(path)
    rows = matches((1, 2, 3, 4, 0.5))
    np.testing.assert_array_equal(
        draw_matches(path, PIL.Image.open(path), rows), draw_matches(flat(60, 80), str(path), rows)
    )
    with pytest.raises(ImageError, match="no such file"):
        draw_matches(tmp_path / "gone.png", path, rows)


def test_what_is_no_list_of_matches_is_refused() -> None:
    with pytest.raises(InvalidFeaturesError, match="source_x"):
        draw_matches(flat(9, 9), flat(9, 9), xr.Dataset())
    with pytest.raises(InvalidFeaturesError, match="finite"):
        draw_matches(flat(9, 9), flat(9, 9), matches((1, 2, np.nan, 4, 0.5)))
    with pytest.raises(OptionError, match="width"):
        draw_matches(flat(9, 9), flat(9, 9), matches(), width=10)


@given(a=st.tuples(SIDES, SIDES), b=st.tuples(SIDES, SIDES), width=st.integers(64, 4000))
@settings(max_examples=100, deadline=None)
def test_corners_come_to_lie_on_corners(a: tuple[int, int], b: tuple[int, int], width: int) -> None:
    layout = SideBySide.of(a, b, width)
    first, last = (np.array([[-0.5, -0.5], [s[1] - 0.5, s[0] - 0.5]]) for s in (a, b))
    low = layout.height - 0.5
    np.testing.assert_allclose(layout.in_a(first), [[-0.5, -0.5], [layout.width_a - 0.5, low]])
    left = layout.left_b - 0.5
    np.testing.assert_allclose(layout.in_b(last), [[left, -0.5], [layout.width - 0.5, low]])
    assert layout.width == layout.width_a + layout.gap + layout.width_b
