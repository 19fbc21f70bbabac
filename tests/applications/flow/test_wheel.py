import numpy as np
import pytest
import xarray as xr
from descr.applications.flow import flow_colors, flow_maximum
from descr.applications.flow.wheel import UNKNOWN_COLOR, wheel_colors
from descr.descriptors.errors import OptionError


def flow_of(x, y, **others) -> xr.Dataset:
    x, y = np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)
    return xr.Dataset(
        {"flow_x": (("y", "x"), x), "flow_y": (("y", "x"), y), **others},
        coords={"y": np.arange(x.shape[0]), "x": np.arange(x.shape[1])},
    )


def color(x: float, y: float) -> list[int]:
    return wheel_colors(np.array(x), np.array(y)).tolist()


def along(place: float) -> tuple[float, float]:
    """The vector of length 1 at a place of the wheel, which has 55."""
    turn = place / 55 * 2 * np.pi
    return np.cos(turn), np.sin(turn)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (0, [255, 0, 0]),
        (15, [255, 255, 0]),
        (21, [0, 255, 0]),
        (25, [0, 255, 255]),
        (36, [0, 0, 255]),
        (49, [255, 0, 255]),
        # Between red and yellow there are 15 places, between magenta and red 6.
        (5, [255, 85, 0]),
        (52, [255, 0, 128]),
    ],
)
def test_the_pure_colours_lie_where_the_authors_put_them(place, expected):
    np.testing.assert_allclose(color(*along(place)), expected, atol=1)


def test_right_is_red_and_white_does_not_move():
    assert color(1, 0) == [255, 0, 0]
    assert color(1, -0.0) == [255, 0, 0]
    assert color(0, 0) == [255, 255, 255]
    assert color(0.5, 0) == [255, 128, 128]
    # A quarter of the turn down is 13.75 of the 15 places to yellow, half of it 27.5 - 25 of the
    # 11 from cyan to blue.
    assert color(0, 1) == [255, round(13.75 / 15 * 255), 0]
    assert color(-1, 0) == [0, round((1 - 2.5 / 11) * 255), 255]


def test_longer_vectors_than_the_maximum_are_darker():
    assert color(1.01, 0) == [191, 0, 0]
    assert color(5, 0) == [191, 0, 0]


def test_the_wheel_has_no_seam():
    turns = np.linspace(-0.01, 0.01, 21) * 2 * np.pi
    colors = wheel_colors(np.cos(turns), np.sin(turns)).astype(int)
    assert np.abs(np.diff(colors, axis=0)).max() <= 3


def test_a_flow_is_coloured_by_its_maximum():
    flow = flow_of([[10, 5, 0, np.nan]], [[0, 0, 0, 0]])
    expected = [[255, 0, 0], [255, 128, 128], [255, 255, 255], list(UNKNOWN_COLOR)]
    assert flow_colors(flow, maximum=10).tolist() == [expected]
    assert flow_colors(flow).tolist() == [expected]
    assert flow_colors(flow, maximum=20)[0, 0].tolist() == [255, 128, 128]
    assert flow_colors(flow, maximum=4)[0, 0].tolist() == [191, 0, 0]


def test_what_is_not_valid_is_grey_and_grey_is_no_flow():
    flow = flow_of([[10, 5]], [[0, 0]], valid=(("y", "x"), np.array([[True, False]])))
    assert flow_colors(flow)[0, 1].tolist() == list(UNKNOWN_COLOR)
    at = np.linspace(-1.5, 1.5, 301)
    colors = wheel_colors(*np.meshgrid(at, at)).astype(int)
    assert np.abs(colors - UNKNOWN_COLOR).max(axis=-1).min() > 60


def test_the_maximum_is_a_neat_number_that_few_are_beyond():
    assert flow_maximum(flow_of([[3, 0, np.nan]], [[4, 0, 2]])) == 5
    lengths = np.linspace(0, 97, 1000)[None]
    assert flow_maximum(flow_of(lengths, 0 * lengths)) == 100
    lengths[0, ::50] = 5000
    assert flow_maximum(flow_of(lengths, 0 * lengths)) == 100
    assert flow_maximum(flow_of([[0, 0.1]], [[0, 0]])) == 1
    assert flow_maximum(flow_of([[np.nan]], [[np.nan]])) == 1
    # A rounding error is no reason for the next number.
    assert flow_maximum(flow_of(np.full((2, 2), 10.0001), np.zeros((2, 2)))) == 10
    assert flow_maximum(flow_of([[1234.0]], [[0]])) == 1500


def test_what_leads_back_elsewhere_has_no_say_in_the_maximum():
    lengths = np.full((10, 10), 10.0)
    lengths[:4] = 300
    back = np.where(lengths > 10, 250.0, 0.5)
    flow = flow_of(lengths, 0 * lengths, consistency=(("y", "x"), back))
    assert flow_maximum(flow) == 10
    assert flow_maximum(flow.assign(consistency=flow["consistency"] + 500)) == 300


@pytest.mark.parametrize("share", [0.005, 0.02])
def test_outliers_do_not_take_the_colour_from_the_rest(share):
    y, x = np.mgrid[-15:15:0.2, -20:20:0.2]
    wrong = np.random.default_rng(0).random(x.shape) < share
    clean, noisy = (
        flow_colors(flow_of(np.where(mask, 400.0, x), np.where(mask, -300.0, y))).astype(int)
        for mask in (np.zeros_like(wrong), wrong)
    )
    saturation = [np.median(np.ptp(colors, axis=-1)) for colors in (clean, noisy)]
    assert saturation[0] > 100
    assert saturation[1] == pytest.approx(saturation[0], rel=0.05)
    np.testing.assert_array_equal(noisy[~wrong], clean[~wrong])


@pytest.mark.parametrize("maximum", [0, -1, np.nan, np.inf, "10"])
def test_a_maximum_that_is_none_is_refused(maximum):
    with pytest.raises(OptionError, match="maximum"):
        flow_colors(flow_of([[1]], [[1]]), maximum=maximum)
