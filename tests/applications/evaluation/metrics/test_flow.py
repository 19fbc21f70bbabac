import numpy as np
import pytest
from descr.applications.evaluation.metrics import (
    endpoint_errors,
    flow_pck,
    flow_smoothness,
    mean_endpoint_error,
)
from descr.descriptors.errors import OptionError
from hypothesis import given, settings
from hypothesis import strategies as st

TRUTH = np.zeros((2, 3, 2))
PREDICTED = np.array([[[3, 4], [0, 0], [6, 8]], [[0, 1], [np.nan, 0], [5, 12]]], dtype=float)
MASK = np.array([[True, True, True], [True, True, False]])


def test_errors_by_hand():
    errors = endpoint_errors(PREDICTED, TRUTH, MASK)
    assert errors.tolist() == [5, 0, 10, 1, np.inf]
    assert flow_pck(errors, 100, [0.05, 0.1, 0.5]).tolist() == [3 / 5, 4 / 5, 4 / 5]
    assert flow_pck(errors, 100, [0.05], comparison="<").tolist() == [2 / 5]
    assert mean_endpoint_error(errors) == np.inf
    assert mean_endpoint_error(errors[:4]) == 4


def test_what_is_not_known_does_not_count():
    truth = TRUTH.copy()
    truth[0, 0] = 1.6e9
    truth[0, 1, 0] = np.nan
    assert endpoint_errors(PREDICTED, truth, MASK).tolist() == [10, 1, np.inf]
    nothing = endpoint_errors(PREDICTED, truth, np.zeros((2, 3), bool))
    assert np.isnan(flow_pck(nothing, 10, [0.1, 0.2])).tolist() == [True, True]
    assert np.isnan(mean_endpoint_error(nothing))


def smoothness_by_definition(flow, mask):
    height, width = mask.shape
    inside = mask & np.isfinite(flow).all(axis=2)
    total = 0.0
    for y in range(height):
        for x in range(width):
            for down, right in ((0, 1), (1, 0)):
                if y + down < height and x + right < width:
                    there = y + down, x + right
                    if inside[y, x] and inside[there]:
                        total += abs(flow[there] - flow[y, x]).sum()
    return total / inside.sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 1000))
def test_smoothness_is_that_of_the_definition_and_ignores_a_shift(height, width, seed):
    random = np.random.default_rng(seed)
    flow = random.integers(-9, 9, (height, width, 2)).astype(float)
    mask = random.random((height, width)) < 0.7
    mask.flat[0] = True
    assert flow_smoothness(flow, mask) == pytest.approx(smoothness_by_definition(flow, mask))
    assert flow_smoothness(flow + 100, mask) == flow_smoothness(flow, mask)
    flow[-1, -1] = np.nan
    if height * width > 1:
        assert flow_smoothness(flow, mask) == pytest.approx(smoothness_by_definition(flow, mask))


def test_smoothness_by_hand():
    """One step of (1, 2) between two columns of three rows: 3 x 3 over 6 pixels."""
    flow = np.zeros((3, 2, 2))
    flow[:, 1] = 1, 2
    mask = np.ones((3, 2), bool)
    assert flow_smoothness(flow, mask) == 1.5
    # A step along the border of the mask is none.
    assert flow_smoothness(flow, np.array([[True, False]] * 3)) == 0
    assert np.isnan(flow_smoothness(flow, np.zeros((3, 2), bool)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["<", "<="]))
def test_bounds_monotony_and_scale(seed, comparison):
    random = np.random.default_rng(seed)
    errors = random.integers(0, 30, random.integers(1, 50)).astype(float)
    alphas = [0.05, 0.1, 0.25, 1.0]
    result = flow_pck(errors, 100, alphas, comparison=comparison)
    assert ((result >= 0) & (result <= 1)).all()
    assert (np.diff(result) >= 0).all()
    assert np.array_equal(result, flow_pck(4 * errors, 400, alphas, comparison=comparison))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: endpoint_errors(PREDICTED[:1], TRUTH, MASK), "predicted has the shape"),
        (lambda: endpoint_errors(PREDICTED, TRUTH, MASK[:1]), "mask has the shape"),
        (lambda: endpoint_errors(PREDICTED, TRUTH, 255 * MASK), "mask holds int64, not bool"),
        (lambda: flow_pck([1.0], 0, [0.1]), "length must be"),
        (lambda: flow_pck([1.0], 10, [0.1], comparison=">"), "comparison must be"),
        (lambda: flow_smoothness(np.zeros((2, 3)), MASK), "flow has the shape"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 1000))
def test_smoothness_with_the_border_is_that_of_the_authors(height, width, seed):
    """Zero outside the mask, the last row and column repeated, over the pixels of the mask."""
    random = np.random.default_rng(seed)
    flow = random.integers(-9, 9, (height, width, 2)).astype(float)
    mask = random.random((height, width)) < 0.7
    mask.flat[0] = True
    cut = flow * mask[..., None]
    wide = np.pad(cut, ((0, 1), (0, 1), (0, 0)), mode="edge")
    total = np.abs(wide[:-1, 1:] - cut).sum() + np.abs(wide[1:, :-1] - cut).sum()
    flow[~mask] = np.nan
    assert flow_smoothness(flow, mask, border=True) == pytest.approx(total / mask.sum())


def test_the_jump_at_the_border_of_the_mask_by_hand():
    """Two pixels of (3, 4) within a row of four zeros: up by 7 and down by 7."""
    flow = np.full((1, 4, 2), (3.0, 4.0))
    mask = np.array([[False, True, True, False]])
    assert flow_smoothness(flow, mask, border=True) == 7
    assert flow_smoothness(flow, mask) == 0
    # The border of the image is none of the mask.
    assert flow_smoothness(flow, np.ones((1, 4), bool), border=True) == 0
