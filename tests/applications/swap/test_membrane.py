import numpy as np
import pytest
from descr.applications.swap.membrane import membrane
from scipy.ndimage import gaussian_filter

Y, X = np.mgrid[:60, :80].astype(float)


def disc(radius: float = 20, centre: tuple[float, float] = (30, 40)) -> np.ndarray:
    return np.hypot(Y - centre[0], X - centre[1]) < radius


def test_a_harmonic_function_is_continued_exactly() -> None:
    harmonic = np.stack([X**2 - Y**2, X * Y, 3 + X - 2 * Y], axis=2)
    mask = disc()
    result = membrane(np.where(mask[:, :, None], 0, harmonic), mask)
    np.testing.assert_allclose(result, harmonic, atol=1e-3)


def test_it_keeps_within_what_is_given_around_it() -> None:
    values = np.random.default_rng(0).uniform(-3, 5, (60, 80, 1))
    result = membrane(values, disc())
    assert values.min() <= result.min()
    assert result.max() <= values.max()
    np.testing.assert_array_equal(result[~disc()], values[~disc()])


def test_the_edge_of_the_image_is_free() -> None:
    """A mask over the left half continues its one border evenly, up to the edge."""
    values = np.where(X < 40, 0.0, 7.0)[:, :, None]
    np.testing.assert_allclose(membrane(values, X < 40), 7, atol=1e-3)


@pytest.mark.parametrize("mask", [np.ones((60, 80), bool), np.zeros((60, 80), bool)])
def test_without_a_border_there_is_nothing_to_continue(mask: np.ndarray) -> None:
    result = membrane(np.full((60, 80, 1), 9.0), mask)
    np.testing.assert_array_equal(result[:, :, 0], np.where(mask, 0, 9.0))


def test_a_large_mask_gives_what_all_equations_give(monkeypatch: pytest.MonkeyPatch) -> None:
    """In levels of 255; 0.56 was measured, and 1.1 where the border jumps from 0 to 255."""
    y, x = np.mgrid[:161, :203]
    mask = np.hypot(y - 80, x - 100) < 75
    noise = np.random.default_rng(1).uniform(0, 255, (161, 203))
    values = np.stack([gaussian_filter(noise, 2), np.where(x > 100, 255.0, 0.0)], axis=2)
    monkeypatch.setattr("descr.applications.swap.membrane._DIRECT", 10**6)
    exact = membrane(values, mask)
    monkeypatch.setattr("descr.applications.swap.membrane._DIRECT", 3000)
    banded = membrane(values, mask)
    error = np.abs(banded - exact)[mask]
    assert error[:, 0].max() < 0.75
    assert error[:, 1].max() < 1.5
    assert error.mean() < 0.4


def test_with_a_reach_values_fade_from_the_border() -> None:
    """Across a wide strip the screened equation has the solution cosh((x - 40) / 5) / cosh."""
    mask = (X > 0) & (X < 79) & (Y >= 0)
    result = membrane(np.full((60, 80, 1), 100.0), mask, reach=5)[30, :, 0]
    expected = 100 * np.cosh((X[30] - 39.5) / 5) / np.cosh(39.5 / 5)
    np.testing.assert_allclose(result, expected, atol=1)
