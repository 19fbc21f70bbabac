import numpy as np
import pytest
from descr.applications.swap.appearance import grown, reduction, without_detail

Y, X = np.mgrid[:30, :40].astype(float)


def test_the_colours_of_the_border_grow_outwards() -> None:
    pixels = np.zeros((30, 40, 3), dtype=np.uint8)
    pixels[:, :20], pixels[:, 20:30] = 50, 80
    mask = (X >= 10) & (X < 30)
    found = grown(pixels, mask)
    np.testing.assert_array_equal(found[mask], pixels[mask])
    assert (found[:, :10] == 50).all()
    assert (found[:, 30:] == 80).all()


def test_a_whole_image_stays_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(grown(pixels, np.ones((30, 40), bool)), pixels)


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
