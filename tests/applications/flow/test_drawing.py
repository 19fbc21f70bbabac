import numpy as np
import pytest
import xarray as xr
from descr.applications.flow import draw_flow
from descr.applications.flow.wheel import UNKNOWN_COLOR
from descr.descriptors.errors import OptionError


def flow_of(x, **attributes) -> xr.Dataset:
    x = np.asarray(x, dtype=np.float32)
    return xr.Dataset(
        {"flow_x": (("y", "x"), x), "flow_y": (("y", "x"), np.zeros_like(x))},
        coords={"y": np.arange(x.shape[0]), "x": np.arange(x.shape[1])},
        attrs=attributes,
    )


def test_the_flow_lies_beside_its_wheel():
    picture = draw_flow(flow_of(np.full((60, 90), 10.0)), width=1000)
    assert picture.shape == (560, 1000, 3)
    np.testing.assert_array_equal(picture[:, :840], np.broadcast_to([255, 0, 0], (560, 840, 3)))
    legend = picture[:, 840:]
    # The wheel: white in its middle, red on its right, and all else of it in colour.
    middle = 20 + 60
    assert legend[middle, middle].min() > 240
    assert legend[middle, 138].tolist() == pytest.approx([255, 0, 0], abs=12)
    assert legend[middle, 22].tolist() == pytest.approx([0, 200, 255], abs=12)
    assert (legend[300:] == 255).all()


def test_the_legend_says_what_grey_is_where_there_is_grey():
    whole = draw_flow(flow_of(np.full((60, 90), 10.0)))
    part = np.full((60, 90), 10.0)
    part[:, :30] = np.nan
    holed = draw_flow(flow_of(part))
    grey = np.array(UNKNOWN_COLOR)
    assert (holed[:, :330] == grey).all()
    # The square in the legend; letters have a grey edge of some pixels.
    count = [(one[:, -190:] == grey).all(axis=-1).sum() for one in (whole, holed)]
    assert count[1] - count[0] > 200


def test_the_legend_says_what_is_dark_where_something_is():
    """A disc in the darker colours stands in the legend, and only where the flow has some."""
    x = np.full((60, 90), 10.0)
    x[:2] = -300
    legends = [draw_flow(flow_of(x), maximum=most)[:, -190:] for most in (10, 300)]
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


def test_coarse_cells_keep_the_aspect_of_the_image():
    flow = flow_of(np.ones((4, 10)), source_height=300, source_width=451)
    picture = draw_flow(flow, width=1000)
    assert picture.shape[0] == round(840 * 300 / 451)
    # Sharp: no colours between those of the cells.
    steps = draw_flow(flow_of([[0.0, 10.0]]), width=400)[:, :336]
    assert len(np.unique(steps.reshape(-1, 3), axis=0)) == 2


def test_cells_are_drawn_where_they_lie():
    """The cells of an image that is no whole number of them wide: the last is cut off."""
    flow = flow_of([[0.0, 10.0, 0.0]], source_height=20, source_width=50)
    flow = flow.assign_coords(x=[9.5, 29.5, 49.5], y=[9.5])
    picture = draw_flow(flow, width=595)
    white = (picture[100, :500] == 255).all(axis=-1)
    assert (white[:200].all(), white[200:400].any(), white[400:].all()) == (True, False, True)


@pytest.mark.parametrize("shape", [(2, 300), (300, 2), (1, 1)])
def test_any_shape_is_drawn_with_the_whole_legend(shape):
    picture = draw_flow(flow_of(np.full(shape, np.nan)), width=600)
    assert 96 < picture.shape[1] <= 600
    assert 96 <= picture.shape[0] <= 750
    assert (picture[:96, -96:] != 255).any()


@pytest.mark.parametrize("wrong", [{"width": 10}, {"width": 1e3}, {"maximum": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        draw_flow(flow_of(np.ones((3, 4))), **wrong)
