import numpy as np
import pytest
from descr.applications.swap.blending import extend_instance, overhang, reduction, without_detail

Y, X = np.mgrid[:30, :40].astype(float)


def test_an_instance_goes_on_as_its_mirror_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    mask = (X >= 10) & (X < 32)
    result = extend_instance(pixels, mask)
    np.testing.assert_array_equal(result[mask], pixels[mask])
    np.testing.assert_array_equal(result[:, :10], pixels[:, 11:21][:, ::-1])
    np.testing.assert_array_equal(result[:, 32:], pixels[:, 23:31][:, ::-1])


def test_where_the_mirror_image_ends_the_border_goes_on() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    result = extend_instance(pixels, (X >= 10) & (X < 13))
    np.testing.assert_array_equal(result[:, 8], pixels[:, 12])
    np.testing.assert_array_equal(result[:, 5], pixels[:, 10])
    np.testing.assert_array_equal(result[:, 30], pixels[:, 12])


def test_a_margin_is_mirrored_too() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    result = extend_instance(pixels, np.ones((30, 40), bool), margin=5)
    np.testing.assert_array_equal(result[5:-5], np.pad(pixels, ((0, 0), (5, 5), (0, 0)), "reflect"))


def test_a_whole_image_stays_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(extend_instance(pixels, np.ones((30, 40), bool)), pixels)


@pytest.mark.parametrize(
    ("shift", "beyond"), [((0, 0), 0), ((3.5, 0), 4), ((-7, 2), 7), ((0, -6.2), 7), ((90, 0), 20)]
)
def test_the_overhang_is_how_far_the_flow_leads_out(
    shift: tuple[float, float], beyond: int
) -> None:
    flow_x, flow_y = np.full((30, 40), float(shift[0])), np.full((30, 40), float(shift[1]))
    flow_x[:2, :2] = np.nan
    assert overhang(flow_x, flow_y, 30, 40) == beyond


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_reduction_is_the_scale_of_the_flow(scale: float) -> None:
    flow_x, flow_y = (scale - 1) * X + 4, (scale - 1) * Y - 2
    flow_x[:5] = np.nan
    assert reduction(flow_x, flow_y) == pytest.approx(scale)


def test_a_turn_reduces_nothing() -> None:
    angle = 0.7
    turned = np.cos(angle) * X - np.sin(angle) * Y, np.sin(angle) * X + np.cos(angle) * Y
    assert reduction(turned[0] - X, turned[1] - Y) == pytest.approx(1)


def test_detail_that_would_alias_goes_and_other_detail_stays() -> None:
    fine = np.where((X.astype(int) % 2 == 0)[:, :, None], 255, 0).astype(np.uint8)
    fine = np.repeat(fine, 3, axis=2)
    np.testing.assert_array_equal(without_detail(fine, 1.0), fine)
    assert np.ptp(without_detail(fine, 4.0)[:, 8:-8].astype(int)) < 8
    coarse = np.repeat((128 + 100 * np.sin(X / 6))[:, :, None], 3, axis=2).astype(np.uint8)
    kept = without_detail(coarse, 2.0).astype(int)
    assert np.abs(kept - coarse)[:, 4:-4].max() < 4
