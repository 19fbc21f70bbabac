from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import draw_matches
from descr.applications.pictures.palette import REJECTED, VERIFIED, score_colors
from descr.descriptors.errors import ImageError, InvalidFeaturesError, OptionError
from hypothesis import given, settings
from hypothesis import strategies as st

GREY = 128


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
    only = draw_matches(*pair, matches(other), opacity=1).astype(int)
    both = draw_matches(*pair, crossing, opacity=1).astype(int)
    coloured = np.ptp(only, axis=-1) > 40
    # What was drawn of the match that agrees is as if it were alone.
    assert (both[coloured] == only[coloured]).mean() > 0.99
    rejected = (both == 90).all(axis=-1)
    assert rejected.sum() > 300
    assert np.ptp(both[~coloured], axis=-1).max() <= np.ptp(only[~coloured], axis=-1).max() + 1


@given(x=st.floats(0, 79), y=st.floats(0, 59), u=st.floats(0, 119), v=st.floats(0, 59))
@settings(max_examples=25, deadline=None)
def test_points_lie_where_the_coordinates_say(x: float, y: float, u: float, v: float) -> None:
    rows = matches((x, y, u, v, 1.0))
    picture = draw_matches(flat(60, 80), flat(60, 120), rows, layout="beside")
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


def colours(picture: np.ndarray, color: tuple[int, ...]) -> int:
    """How many pixels have a colour."""
    return int((picture == np.array(color)).all(axis=-1).sum())


def test_the_best_match_lies_on_top() -> None:
    # Both begin at one place.
    lines = [(40, 30, 70, 50, 0.5), (40, 30, 70, 10, 0.9)]
    options = {"color": "score", "width": 800}
    picture = draw_matches(flat(60, 80), flat(60, 80), matches(*lines), **options)
    worst, best = (tuple(one) for one in score_colors(np.array([0.5, 0.9]), 0.5, 0.9))
    half = picture[:290, :399]
    assert colours(half, best) > 0 == colours(half, worst)
    swapped = draw_matches(flat(60, 80), flat(60, 80), matches(*lines[::-1]), **options)
    np.testing.assert_array_equal(picture, swapped)


def test_lines_let_the_photograph_through() -> None:
    def middle(opacity: float) -> np.ndarray:
        rows = matches((40, 30, 40, 30, 0.5))
        one = draw_matches(flat(60, 80), flat(60, 80), rows, opacity=opacity)
        return np.asarray(one[one.shape[0] // 2 - 20 : one.shape[0] // 2 + 20, 600], int)

    assert (middle(0) == GREY).all()
    assert 0 < np.abs(middle(0.3) - GREY).max() < np.abs(middle(1.0) - GREY).max()


def test_scores_have_a_bar_beneath_and_verified_matches_a_list() -> None:
    rows = matches((10, 10, 70, 50, 0.5), (10, 50, 70, 10, 0.9))
    plain = draw_matches(flat(60, 80), flat(60, 80), rows, width=800)
    scores = draw_matches(flat(60, 80), flat(60, 80), rows, width=800, color="score")
    assert len(plain) < len(scores) <= len(plain) + 40
    bar = scores[len(plain) + 11]
    ends = [tuple(one) for one in score_colors(np.array([0.0, 1.0]), 0, 1)]
    assert all(colours(bar, end) > 0 for end in ends)
    judged = rows.assign(inlier=("match", [True, False]))
    verified = draw_matches(flat(60, 80), flat(60, 80), judged, width=800, color="verified")
    for color in (VERIFIED, REJECTED):
        assert colours(verified[: len(plain)], tuple(color)) > 0
        assert colours(verified[len(plain) :], tuple(color)) > 0
    with pytest.raises(InvalidFeaturesError, match="inlier"):
        draw_matches(flat(60, 80), flat(60, 80), rows, color="verified")


def test_photographs_are_dimmed_outside_masks_and_named_above() -> None:
    mask = np.zeros((60, 80), bool)
    mask[:, :40] = True
    options = {"width": 800, "masks": (mask, None)}
    picture = draw_matches(flat(60, 80), flat(60, 80), matches(), **options)
    assert (picture[:, :190] == GREY).all()
    assert (picture[:, 210:390] > 190).all()
    assert (picture[:, 410:] == GREY).all()
    titled = draw_matches(flat(60, 80), flat(60, 80), matches(), **options, titles=True)
    header = len(titled) - len(picture)
    assert (titled[:header, :400] < 100).any()
    assert (titled[:header, 400:] < 100).any()
    np.testing.assert_array_equal(titled[header:], picture)
    assert [text.text for text in titled.canvas.texts] == ["source: array", "target: array"]


def test_wide_images_are_stacked_and_tall_ones_lie_beside_each_other() -> None:
    wide, tall = flat(60, 120), flat(120, 60)
    assert draw_matches(wide, wide, matches(), width=600).shape == (602, 600, 3)
    assert draw_matches(tall, tall, matches(), width=600).shape[0] > 590
    assert draw_matches(wide, wide, matches(), width=600, layout="beside").shape[0] == 160
    assert draw_matches(tall, tall, matches(), width=600, layout="stacked").shape[0] == 750
    with pytest.raises(OptionError, match="beside"):
        draw_matches(wide, wide, matches(), layout="round")
    with pytest.raises(OptionError, match="position, score, verified"):
        draw_matches(wide, wide, matches(), color="pink")


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
    assert width >= 800 or height >= 1900
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
