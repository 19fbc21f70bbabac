import numpy as np
import pytest
from descr.applications.swap.blending import BLENDS, Blend, blend_into, feather_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

Y, X = np.mgrid[:40, :50]
DISC = np.hypot(Y - 20, X - 25) < 12
TOUCHING = [X < 12, Y > 30, (X > 40) & (Y < 9), DISC | (X == 0)]


def flat(*color: int) -> np.ndarray:
    return np.full((40, 50, 3), color, dtype=np.uint8)


@settings(max_examples=15, deadline=None)
@given(mask=arrays.arrays(bool, (12, 15)), blend=st.sampled_from(BLENDS))
def test_outside_the_mask_nothing_changes(mask: np.ndarray, blend: Blend) -> None:
    draw = np.random.default_rng(0)
    image, swapped = draw.integers(0, 256, (2, 12, 15, 3), dtype=np.uint8)
    result = blend_into(image, swapped, mask, blend=blend)
    np.testing.assert_array_equal(result[~mask], image[~mask])
    assert result.dtype == np.uint8


@pytest.mark.parametrize("blend", BLENDS)
def test_a_full_mask_gives_the_swapped_pixels_as_they_are(blend: Blend) -> None:
    image, swapped = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    result = blend_into(image, swapped, np.ones((40, 50), bool), blend=blend)
    np.testing.assert_array_equal(result, swapped)


@pytest.mark.parametrize("mask", [DISC, *TOUCHING])
def test_a_constant_becomes_by_poisson_the_constant_around_it(mask: np.ndarray) -> None:
    result = blend_into(flat(200, 30, 90), flat(10, 250, 90), mask, blend="poisson")
    np.testing.assert_array_equal(result, flat(200, 30, 90))


@pytest.mark.parametrize("mask", [DISC, *TOUCHING])
def test_poisson_lands_on_the_right_pixels(mask: np.ndarray) -> None:
    """The same picture in another light, put in its own place, is that picture again."""
    image = np.random.default_rng(0).integers(40, 200, (40, 50, 3), dtype=np.uint8)
    lighter = image + np.array([40, 20, 55], dtype=np.uint8)
    np.testing.assert_array_equal(blend_into(image, lighter, mask, blend="poisson"), image)


def test_poisson_of_short_reach_keeps_the_colours_far_from_the_border() -> None:
    result = blend_into(flat(200, 30, 90), flat(10, 250, 90), DISC, blend="poisson", width=1)
    np.testing.assert_array_equal(result[20, 25], (10, 250, 90))
    assert result[20, 14, 0] > 60


def test_the_feather_rises_as_a_straight_line_from_the_border() -> None:
    weights = feather_weights((X >= 10) & (X < 40) & (Y >= 0), 5)
    np.testing.assert_allclose(weights[20, 9:16], [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1])
    np.testing.assert_allclose(weights[20], weights[20, ::-1])
    # The edge of the image is no border.
    np.testing.assert_array_equal(weights[0], weights[20])


def test_feathered_colours_are_those_of_the_weights() -> None:
    mask = X >= 10
    result = blend_into(flat(0, 100, 200), flat(100, 0, 200), mask, blend="feather", width=5)
    np.testing.assert_array_equal(result[7, 9:12], [(0, 100, 200), (10, 90, 200), (30, 70, 200)])


def test_no_blend_is_a_paste() -> None:
    result = blend_into(flat(1, 2, 3), flat(4, 5, 6), DISC, blend="none")
    np.testing.assert_array_equal(result, np.where(DISC[:, :, None], flat(4, 5, 6), flat(1, 2, 3)))
