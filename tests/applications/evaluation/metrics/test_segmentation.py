import math

import numpy as np
import pytest
from descr.applications.evaluation.metrics import (
    contour,
    contour_accuracy,
    region_similarity,
    sequence_score,
)
from descr.descriptors.errors import OptionError
from hypothesis import given, settings
from hypothesis import strategies as st


def contour_by_definition(mask):
    height, width = mask.shape
    edge = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            for there in ((y, x + 1), (y + 1, x), (y + 1, x + 1)):
                if there[0] < height and there[1] < width:
                    edge[y, x] |= mask[y, x] != mask[there]
    return edge


def f_by_definition(predicted, truth, tolerance):
    radius = math.ceil(tolerance * math.hypot(*truth.shape))
    ours = np.argwhere(contour_by_definition(predicted))
    theirs = np.argwhere(contour_by_definition(truth))
    if not len(ours) or not len(theirs):
        return float(not len(ours) and not len(theirs))
    apart = np.linalg.norm(ours[:, None] - theirs[None], axis=2) <= radius
    precision, recall = apart.any(axis=1).mean(), apart.any(axis=0).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([0.008, 0.1, 0.3]),
    st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    st.integers(0, 1000),
)
def test_j_and_f_are_those_of_the_definition(height, width, tolerance, density, seed):
    random = np.random.default_rng(seed)
    one, other = random.random((2, height, width)) < density
    assert np.array_equal(contour(one), contour_by_definition(one))
    expected = f_by_definition(one, other, tolerance)
    found = contour_accuracy(one, other, tolerance=tolerance)
    assert found == pytest.approx(expected)
    assert found == pytest.approx(contour_accuracy(other, one, tolerance=tolerance))
    union = {*map(tuple, np.argwhere(one))} | {*map(tuple, np.argwhere(other))}
    both = {*map(tuple, np.argwhere(one))} & {*map(tuple, np.argwhere(other))}
    assert region_similarity(one, other) == (len(both) / len(union) if union else 1.0)
    assert contour_accuracy(one, one) == region_similarity(one, one) == 1


def test_j_and_f_by_hand():
    """A square of 10 x 10 in an image of 300 x 400, shifted by 4 and by 12 pixels.

    The diagonal is 500 pixels, so contours may lie 4 apart. Shifted along x by 4 every contour
    pixel has a partner; J is 60 of 140. Shifted by 12 the columns next to each other have one
    still, by 15 none has.
    """
    truth, near, far = np.zeros((3, 300, 400), bool)
    truth[100:110, 200:210] = True
    near[100:110, 204:214] = True
    far[100:110, 212:222] = True
    assert region_similarity(near, truth) == 60 / 140
    assert contour_accuracy(near, truth) == 1
    assert region_similarity(far, truth) == 0
    assert 0 < contour_accuracy(far, truth) < 0.5
    assert contour_accuracy(np.roll(far, 3, axis=1), truth) == 0


def test_void_pixels_count_for_neither():
    truth = np.zeros((20, 20), bool)
    truth[5:15, 5:15] = True
    predicted = truth.copy()
    predicted[5:15, 15:] = True
    void = np.zeros_like(truth)
    void[:, 15:] = True
    assert region_similarity(predicted, truth) == 100 / 150
    assert region_similarity(predicted, truth, void=void) == 1
    assert contour_accuracy(predicted, truth) < contour_accuracy(predicted, truth, void=void) == 1


def test_mean_recall_and_decay_by_hand():
    """Nine frames: the quarters are frames 1 to 3 and 7 to 9, and share those at their borders."""
    score = sequence_score([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert score.mean == pytest.approx(0.5)
    assert score.recall == pytest.approx(4 / 9)
    assert score.decay == pytest.approx(0.8 - 0.2)
    assert sequence_score([0.7]).decay == 0
    assert math.isnan(sequence_score([]).mean)


def test_halves_of_frames_are_rounded_up():
    """Seven frames: 1, 2.5, 4, 5.5, 7 become 1, 3, 4, 6, 7."""
    values = np.array([1.0, 0.5, 0.0, 0, 0, 0.25, 0.75])
    assert sequence_score(values).decay == pytest.approx(values[:3].mean() - values[5:].mean())


def test_long_videos_have_a_decay():
    values = np.linspace(1, 0, 1000)
    assert sequence_score(values).decay == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: region_similarity(np.zeros((2, 3)), np.zeros((3, 2))),
        lambda: contour_accuracy(np.zeros((2, 3)), np.zeros((2, 3)), void=np.zeros((3, 3))),
        lambda: contour_accuracy(np.zeros((2, 3)), np.zeros((2, 3)), tolerance=0),
        lambda: sequence_score(np.zeros((2, 3))),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(OptionError):
        call()
