import numpy as np
import pytest
from descr.applications.swap.field import complete_field
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS, COLUMNS = 24, 30
Y, X = np.mgrid[:ROWS, :COLUMNS].astype(float)
EVERYWHERE = np.ones((ROWS, COLUMNS), dtype=bool)
AFFINE = np.stack([3 + 0.4 * X - 0.2 * Y, -7 + 0.1 * X + 0.3 * Y], axis=2)


def holes(share: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((ROWS, COLUMNS)) > share


@settings(max_examples=15, deadline=None)
@given(
    coefficients=st.lists(st.floats(-2, 2), min_size=6, max_size=6),
    share=st.floats(0, 0.95),
    smoothness=st.floats(0, 8),
    seed=st.integers(0, 9),
)
def test_an_affine_field_comes_out_as_it_is(
    coefficients: list[float], share: float, smoothness: float, seed: int
) -> None:
    a, b, c, d, e, f = coefficients
    field = np.stack([a + b * X + c * Y, d + e * X + f * Y], axis=2)
    valid = holes(share, seed)
    valid[[0, 0, -1], [0, -1, 0]] = True
    partial_field = np.where(valid[:, :, None], field, 999.0)
    result, trusted = complete_field(
        partial_field, valid, EVERYWHERE, smoothness=smoothness, scale=1.0
    )
    np.testing.assert_allclose(result, field, atol=1e-5)
    np.testing.assert_array_equal(trusted, valid)


def test_a_hole_in_a_smooth_field_is_filled_to_a_hundredth_of_its_range() -> None:
    wave = 5 * np.sin(X / 6) * np.cos(Y / 7)
    field = np.stack([wave, -wave], axis=2)
    valid = EVERYWHERE.copy()
    valid[8:14, 10:16] = False
    result, _ = complete_field(field, valid, EVERYWHERE, smoothness=0)
    np.testing.assert_allclose(result, field, atol=0.1)
    # Carrying the nearest value into the hole is far off.
    assert np.abs(field[8:14, 10:16] - field[7, 10:16]).max() > 1


def test_without_smoothing_what_is_known_stays_to_the_bit() -> None:
    noisy = AFFINE + np.random.default_rng(1).normal(size=AFFINE.shape)
    valid = holes(0.3)
    result, trusted = complete_field(noisy, valid, EVERYWHERE, smoothness=0)
    np.testing.assert_array_equal(result[valid], noisy[valid])
    np.testing.assert_array_equal(trusted, valid)
    assert np.isfinite(result).all()


def test_noise_is_smoothed_the_more_the_stiffer_the_field() -> None:
    noisy = AFFINE + np.random.default_rng(1).normal(size=AFFINE.shape)
    errors = [
        np.abs(complete_field(noisy, EVERYWHERE, EVERYWHERE, smoothness=s)[0] - AFFINE).mean()
        for s in (0, 0.5, 1, 2, 4, 8)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.15 * errors[0]


def test_outliers_are_told_and_do_not_bend_the_field() -> None:
    wrong = ~holes(0.3, seed=2)
    field = AFFINE.copy()
    field[wrong] += np.random.default_rng(3).uniform(15, 60, (int(wrong.sum()), 2))
    result, trusted = complete_field(field, EVERYWHERE, EVERYWHERE, smoothness=2, scale=2.0)
    np.testing.assert_array_equal(trusted, ~wrong)
    np.testing.assert_allclose(result, AFFINE, atol=0.1)
    bent, _ = complete_field(field, EVERYWHERE, EVERYWHERE, smoothness=2)
    assert np.abs(bent - AFFINE).max() > 5


def test_parts_of_the_domain_do_not_reach_each_other() -> None:
    domain = EVERYWHERE.copy()
    domain[:, 14:16] = False
    field = np.stack([np.where(X < 15, 10.0, -10.0)] * 2, axis=2)
    valid = domain & holes(0.5)
    result, _ = complete_field(field, valid, domain, smoothness=0)
    np.testing.assert_allclose(result[:, :14], 10, atol=5e-3)
    np.testing.assert_allclose(result[:, 16:], -10, atol=5e-3)
    assert np.isnan(result[:, 14:16]).all()


def test_a_part_without_a_value_continues_the_others() -> None:
    domain = EVERYWHERE.copy()
    domain[:, 20] = False
    valid = domain.copy()
    valid[:, 21:] = False
    result, _ = complete_field(AFFINE, valid, domain)
    np.testing.assert_allclose(result[domain], AFFINE[domain], atol=1e-4)


@pytest.mark.parametrize("place", [(0, 0), (10, 20)])
def test_one_value_is_everywhere(place: tuple[int, int]) -> None:
    valid = np.zeros_like(EVERYWHERE)
    valid[place] = True
    result, trusted = complete_field(AFFINE, valid, EVERYWHERE, scale=1.0)
    np.testing.assert_allclose(result, np.broadcast_to(AFFINE[place], AFFINE.shape), atol=1e-6)
    assert trusted.sum() == 1
