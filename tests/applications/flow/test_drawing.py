import numpy as np
import pytest
import xarray as xr
from descr.applications.flow import draw_flow, flow_colors, flow_maximum
from descr.applications.flow.drawing import UNKNOWN_COLOR, wheel_colors
from descr.descriptors.errors import OptionError


def level_flow(x, **attributes) -> xr.Dataset:
    x = np.asarray(x, dtype=np.float32)
    return xr.Dataset(
        {"flow_x": (("y", "x"), x), "flow_y": (("y", "x"), np.zeros_like(x))},
        coords={"y": np.arange(x.shape[0]), "x": np.arange(x.shape[1])},
        attrs=attributes,
    )


def test_the_flow_lies_beside_its_wheel():
    picture = draw_flow(level_flow(np.full((60, 90), 10.0)), width=1000)
    assert picture.shape == (560, 1000, 3)
    np.testing.assert_array_equal(picture[:, :840], np.broadcast_to([255, 0, 0], (560, 840, 3)))
    legend = picture[:, 840:]
    # The wheel: white in its middle, red on its right, and all else of it in colour.
    middle = 80
    assert legend[middle, middle].min() > 240
    assert legend[middle, 144].tolist() == pytest.approx([255, 0, 0], abs=12)
    assert legend[middle, 15].tolist() == pytest.approx([0, 200, 255], abs=12)
    assert (legend[300:] == 255).all()


def test_the_legend_says_what_grey_is_where_there_is_grey():
    whole = draw_flow(level_flow(np.full((60, 90), 10.0)))
    part = np.full((60, 90), 10.0)
    part[:, :30] = np.nan
    holed = draw_flow(level_flow(part))
    grey = np.array(UNKNOWN_COLOR)
    assert (holed[:, :330] == grey).all()
    # The square in the legend; letters have a grey edge of some pixels.
    count = [(one[:, -190:] == grey).all(axis=-1).sum() for one in (whole, holed)]
    assert count[1] - count[0] > 150


def test_the_legend_says_what_is_dark_where_something_is():
    """A disc in the darker colours stands in the legend, and only where the flow has some."""
    x = np.full((60, 90), 10.0)
    x[:2] = -300
    legends = [draw_flow(level_flow(x), maximum=most)[:, -190:] for most in (10, 300)]
    # The wheel itself ends above.
    dark = [
        ((one[200:] < 200).any(axis=-1) & (np.ptp(one[200:], axis=-1) > 150)) for one in legends
    ]
    assert dark[0].sum() > 100
    assert dark[1].sum() == 0
    disc = legends[0][200:][dark[0]]
    assert all((disc.argmax(axis=-1) == channel).any() for channel in range(3))
    assert np.median(disc.max(axis=-1)) == 191
    assert (legends[0] < 100).all(axis=-1).sum() > (legends[1] < 100).all(axis=-1).sum() + 20


def test_the_legend_says_the_rim_and_how_much_is_beyond_it():
    x = np.full((60, 90), 10.0)
    x[:6] = 30
    flow = level_flow(x, source_name="a.png", target_name="b.png")

    def texts(**options):
        return [text.text for text in draw_flow(flow, **options).canvas.texts]

    assert texts(maximum=12) == ["rim: 12 px", "> 12 px: 10%"]
    assert texts(maximum=2.5, titles=True)[0] == "rim: 2.5 px"
    assert texts(maximum=40, titles=True) == ["rim: 40 px", "source: a.png, target: b.png"]
    titled, plain = (draw_flow(flow, titles=titles) for titles in (True, False))
    np.testing.assert_array_equal(titled[len(titled) - len(plain) :], plain)


def test_coarse_cells_keep_the_aspect_of_the_image():
    flow = level_flow(np.ones((4, 10)), source_height=300, source_width=451)
    picture = draw_flow(flow, width=1000)
    assert picture.shape[0] == round(840 * 300 / 451)
    # Sharp: no colours between those of the cells.
    steps = draw_flow(level_flow([[0.0, 10.0]]), width=400)[:, :336]
    assert len(np.unique(steps.reshape(-1, 3), axis=0)) == 2


def test_cells_are_drawn_where_they_lie():
    """The cells of an image that is no whole number of them wide: the last is cut off."""
    flow = level_flow([[0.0, 10.0, 0.0]], source_height=20, source_width=50)
    flow = flow.assign_coords(x=[9.5, 29.5, 49.5], y=[9.5])
    picture = draw_flow(flow, width=595)
    white = (picture[100, :500] == 255).all(axis=-1)
    assert (white[:200].all(), white[200:400].any(), white[400:].all()) == (True, False, True)


@pytest.mark.parametrize("shape", [(2, 300), (300, 2), (1, 1)])
def test_any_shape_is_drawn_with_the_whole_legend(shape):
    picture = draw_flow(level_flow(np.full(shape, np.nan)), width=600)
    assert 96 < picture.shape[1] <= 600
    assert 96 <= picture.shape[0] <= 750
    assert (picture[:96, -96:] != 255).any()


@pytest.mark.parametrize("wrong", [{"width": 10}, {"width": 1e3}, {"maximum": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        draw_flow(level_flow(np.ones((3, 4))), **wrong)


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
