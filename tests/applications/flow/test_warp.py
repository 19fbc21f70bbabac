import numpy as np
import pytest
import skimage.data
import xarray as xr
from descr.applications import warp
from descr.applications.flow import FlowError
from descr.descriptors.errors import ImageError, OptionError

IMAGE = np.ascontiguousarray(skimage.data.chelsea()[60:140, 100:220])
HEIGHT, WIDTH = IMAGE.shape[:2]


def even_flow(x: float, y: float, *, shape=(HEIGHT, WIDTH), **attributes) -> xr.Dataset:
    return xr.Dataset(
        {
            "flow_x": (("y", "x"), np.full(shape, x, dtype=np.float32)),
            "flow_y": (("y", "x"), np.full(shape, y, dtype=np.float32)),
        },
        coords={"y": np.arange(shape[0]), "x": np.arange(shape[1])},
        attrs=attributes,
    )


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2)))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "cubic"])
def test_no_flow_gives_the_image_itself(interpolation):
    warped = warp(IMAGE, even_flow(0, 0), interpolation=interpolation)
    np.testing.assert_array_equal(warped, IMAGE)
    assert warped.dtype == np.uint8


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "cubic"])
def test_a_flow_brings_what_lies_at_its_end(interpolation):
    warped = warp(IMAGE, even_flow(7, -3), interpolation=interpolation)
    np.testing.assert_array_equal(warped[3:, :-7], IMAGE[:-3, 7:])
    # Beyond the border the image goes on as its edge.
    np.testing.assert_array_equal(warped[:3, 0], np.tile(IMAGE[0, 7], (3, 1)))


def test_half_a_pixel_is_the_mean_of_two():
    image = np.zeros((4, 6, 3), dtype=np.uint8)
    image[:, 3:] = 200
    warped = warp(image, even_flow(0.5, 0, shape=(4, 6)), interpolation="bilinear")
    np.testing.assert_array_equal(warped[0, :, 0], [0, 0, 100, 200, 200, 200])


def test_cubic_is_sharper_than_bilinear():
    there = {way: warp(IMAGE, even_flow(0.5, 0.5), interpolation=way) for way in WAYS}
    back = {way: warp(there[way], even_flow(-0.5, -0.5), interpolation=way) for way in WAYS}
    inner = slice(4, -4), slice(4, -4)
    result = {way: psnr(back[way][inner], IMAGE[inner]) for way in WAYS}
    assert result["cubic"] > 38
    assert result["cubic"] > result["bilinear"] + 3


WAYS = ("bilinear", "cubic")


def test_places_without_flow_take_the_fill():
    flow = even_flow(0, 0)
    flow["flow_x"][:, :10] = np.nan
    flow["valid"] = flow["flow_x"].notnull()
    flow["valid"][5, 50] = False
    warped = warp(IMAGE, flow)
    assert (warped[:, :10] == 128).all()
    assert warped[5, 50].tolist() == [128, 128, 128]
    np.testing.assert_array_equal(warped[6:, 10:], IMAGE[6:, 10:])
    assert warp(IMAGE, flow, fill=[1, 2, 3])[0, 0].tolist() == [1, 2, 3]
    clear = warp(IMAGE, flow, fill=(9, 8, 7, 0))
    assert clear.shape == (HEIGHT, WIDTH, 4)
    assert clear[0, 0].tolist() == [9, 8, 7, 0]
    np.testing.assert_array_equal(clear[6:, 10:, :3], IMAGE[6:, 10:])
    assert (clear[6:, 10:, 3] == 255).all()


def test_a_flow_without_any_place_gives_the_fill_alone():
    assert (warp(IMAGE, even_flow(np.nan, 0)) == 128).all()


def test_the_picture_has_the_grid_of_the_flow():
    flow = even_flow(2, 1).isel(y=slice(3, None, 10), x=slice(4, None, 20))
    warped = warp(IMAGE, flow)
    np.testing.assert_array_equal(warped, IMAGE[4::10, 6::20])


def test_the_target_may_have_another_size_than_the_source():
    flow = even_flow(40, 30, shape=(20, 30), target_height=HEIGHT, target_width=WIDTH)
    np.testing.assert_array_equal(warp(IMAGE, flow), IMAGE[30:50, 40:70])


def test_another_image_than_the_target_is_refused():
    with pytest.raises(ImageError, match=r"120 x 80 pixels, but the flow leads to .* 64 x 48"):
        warp(IMAGE, even_flow(0, 0, target_height=48, target_width=64))


@pytest.mark.parametrize(
    "wrong",
    [
        {"fill": (1, 2)},
        {"fill": (1, 2, 256)},
        {"fill": "red"},
        {"fill": 0},
        {"interpolation": "linear"},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        warp(IMAGE, even_flow(0, 0), **wrong)


def test_what_is_no_flow_is_refused():
    with pytest.raises(FlowError, match="flow_x"):
        warp(IMAGE, xr.Dataset())
