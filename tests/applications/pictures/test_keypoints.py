from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import draw_keypoints
from descr.applications.pictures.keypoints import place_labels
from descr.applications.pictures.palette import position_colors
from descr.descriptors.errors import ImageError, InvalidFeaturesError, OptionError
from hypothesis import given, settings
from hypothesis import strategies as st

GREY = 128
NAN = float("nan")


def flat(height: int, width: int, value: int = GREY) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def keypoints(
    *rows: tuple[float, float, float, float], names: list[str] | None = None
) -> xr.Dataset:
    columns = np.array(rows, dtype=float).reshape(-1, 4).T
    result = xr.Dataset(
        {
            name: ("point", column)
            for name, column in zip(
                ("source_x", "source_y", "target_x", "target_y"), columns, strict=True
            )
        }
    )
    result["matched"] = result["target_x"].notnull()
    return result if names is None else result.assign_coords(name=("point", names))


def at(picture: np.ndarray, x: float, y: float, *, left: float = 0) -> list[int]:
    """The colour where a point of a photograph 60 pixels high lies in the picture."""
    scale = picture.shape[0] / 60
    row, column = (round((value + 0.5) * scale - 0.5) for value in (y, x))
    return list(map(int, picture[row, round(left) + column]))


def test_a_point_has_one_colour_in_both_images() -> None:
    rows = [(20, 15, 70, 40), (60, 45, 10, 10)]
    picture = draw_keypoints(flat(60, 80), flat(60, 80), keypoints(*rows))
    assert picture.dtype == np.uint8
    assert picture.shape[1] == pytest.approx(1600, abs=2)
    left = picture.shape[1] - 80 * picture.shape[0] / 60
    colors = [at(picture, x, y) for x, y, _, _ in rows]
    for (_, _, u, v), color in zip(rows, colors, strict=True):
        assert at(picture, u, v, left=left) == pytest.approx(color, abs=2)
        assert np.ptp(color) > 60
    assert np.abs(np.subtract(*colors)).max() > 60


def test_a_point_without_a_match_is_a_grey_ring_in_the_source_alone() -> None:
    picture = draw_keypoints(flat(60, 80), flat(60, 80, 127), keypoints((40, 30, NAN, NAN)))
    assert at(picture, 40, 30) == [GREY] * 3
    drawn = (picture[:, : picture.shape[1] // 2] != GREY).any(axis=2)
    assert drawn.any()
    half = picture[:, : picture.shape[1] // 2 - 4].astype(int)
    assert np.ptp(half, axis=2).max() == 0
    assert (picture[:, picture.shape[1] // 2 + 4 :] == 127).all()


def test_points_whose_way_back_goes_astray_are_hollow_in_both_images() -> None:
    rows = [(20, 15, 60, 40), (60, 45, 10, 10), (70, 10, 30, 30)]
    points = keypoints(*rows).assign(round_trip_error=("point", [1.0, 9.0, NAN]))
    picture = draw_keypoints(flat(60, 80), flat(60, 80), points)
    height = round((picture.shape[1] - 6) / 2 * 60 / 80)
    photographs = picture[:height]
    left = photographs.shape[1] - 80 * height / 60
    hollow = [
        (at(photographs, x, y) == [GREY] * 3, at(photographs, u, v, left=left) == [GREY] * 3)
        for x, y, u, v in rows
    ]
    assert hollow == [(False, False), (True, True), (True, True)]
    assert "more than 3 px" in picture.canvas.texts[-1].text
    kept = draw_keypoints(flat(60, 80), flat(60, 80), points, max_round_trip=9)
    assert at(kept[:height], 60, 45) != [GREY] * 3
    with pytest.raises(OptionError, match="max_round_trip"):
        draw_keypoints(flat(60, 80), flat(60, 80), points, max_round_trip=-1)


def test_names_stand_below_the_pictures() -> None:
    rows = [(20, 15, 70, 40), (60, 45, 10, 10)]
    without = draw_keypoints(flat(60, 80), flat(60, 80), keypoints(*rows))
    named = draw_keypoints(flat(60, 80), flat(60, 80), keypoints(*rows, names=["left eye", ""]))
    height = without.shape[0]
    np.testing.assert_array_equal(named[:height], without)
    strip = named[height:]
    assert 20 < len(strip) < 90
    assert (strip < 100).any()
    # One badge of a colour, of the point with a name.
    assert (np.ptp(strip.astype(int), axis=2) > 60).any()


def test_names_that_are_none_are_not_listed() -> None:
    rows = [(20, 15, 70, 40), (60, 45, 10, 10)]
    picture = draw_keypoints(flat(60, 80), flat(60, 80), keypoints(*rows, names=["", ""]))
    without = draw_keypoints(flat(60, 80), flat(60, 80), keypoints(*rows))
    np.testing.assert_array_equal(picture, without)


@pytest.mark.parametrize(
    "name", ["the keypoint {}", "{}", "a name of many letters, {} of them", "鼻 {}"]
)
@pytest.mark.parametrize("count", [1, 7, 40, 150])
@pytest.mark.parametrize("width", [400, 1600])
def test_the_list_of_names_is_complete(count: int, name: str, width: int) -> None:
    """Each name has a badge of the colour of its point, whatever their number."""
    rows = [(7 * n % 80, 11 * n % 60, 13 * n % 80, n % 60) for n in range(count)]
    names = [name.format(n) for n in range(count)]
    a = flat(60, 80)
    named = draw_keypoints(a, a, keypoints(*rows, names=names), width=width)
    without = draw_keypoints(a, a, keypoints(*rows), width=width)
    strip = named[len(without) :].astype(int)
    assert len(strip) > 15
    badges = cv2.connectedComponents((np.ptp(strip, axis=2) > 30).astype(np.uint8), connectivity=8)
    assert badges[0] - 1 >= count
    colors = position_colors(np.array(rows, float)[:, :2], 80, 60).astype(int)
    assert np.isin(colors @ (1 << 16, 1 << 8, 1), strip @ (1 << 16, 1 << 8, 1)).all()
    assert named.shape[1] == without.shape[1]
    assert (strip[:, -1] == 255).all()


def test_a_name_that_is_wider_than_the_picture_is_cut_in_its_middle() -> None:
    names = ["left" + "-" * 900 + "right", "b"]
    rows = [(20, 15, 70, 40), (60, 45, 10, 10)]
    picture = draw_keypoints(flat(60, 80), flat(60, 80), keypoints(*rows, names=names))
    without = draw_keypoints(flat(60, 80), flat(60, 80), keypoints(*rows))
    strip = picture[len(without) :]
    assert picture.shape[1] == without.shape[1]
    assert len(strip) < 120
    assert (strip[:, -4:] == 255).all()


@pytest.mark.parametrize(
    ("a", "b"), [((2, 2), (2, 2)), ((3000, 400), (60, 80)), ((40, 2000), (2000, 40))]
)
def test_the_picture_can_be_looked_at_whatever_the_images(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    result = keypoints((0, 0, b[1] - 1, b[0] - 1), (a[1] - 1, a[0] - 1, NAN, NAN), names=["a", "b"])
    picture = draw_keypoints(flat(*a), flat(*b), result)
    assert picture.shape[2] == 3
    assert picture.shape[0] <= 2200
    assert (picture != GREY).any()


def test_images_are_taken_as_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    PIL.Image.fromarray(flat(60, 80)).save(path)
    result = keypoints((1, 2, 3, 4))
    np.testing.assert_array_equal(
        draw_keypoints(path, PIL.Image.open(path), result),
        draw_keypoints(flat(60, 80), str(path), result),
    )
    with pytest.raises(ImageError, match="no such file"):
        draw_keypoints(tmp_path / "gone.png", path, result)


def test_what_are_no_keypoints_is_refused() -> None:
    with pytest.raises(InvalidFeaturesError, match="source_x"):
        draw_keypoints(flat(9, 9), flat(9, 9), xr.Dataset())
    bad = keypoints((NAN, 2, 3, 4))
    with pytest.raises(InvalidFeaturesError, match="finite"):
        draw_keypoints(flat(9, 9), flat(9, 9), bad)
    with pytest.raises(OptionError, match="width"):
        draw_keypoints(flat(9, 9), flat(9, 9), keypoints((1, 2, 3, 4)), width=10)


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
    result = boxes(placed(points))
    for index, box in enumerate(result):
        assert all(shared(box, other) == 0 for other in result[index + 1 :])


def test_crowded_labels_are_led_away() -> None:
    points = np.array([[200.0, 150.0], [206.0, 152.0], [203.0, 156.0], [198.0, 155.0]])
    result = boxes(placed(points))
    for index, box in enumerate(result):
        assert all(shared(box, other) == 0 for other in result[index + 1 :])
    assert place_labels(np.empty((0, 2)), np.empty((0, 2)), BOUNDS, radius=5.0).shape == (0, 2)
