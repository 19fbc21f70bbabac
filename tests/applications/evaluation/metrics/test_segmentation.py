import math

import numpy as np
import pytest
from descr.applications.evaluation.metrics import (
    contour,
    contour_accuracy,
    mask_scores,
    region_similarity,
    sequence_score,
    summarize_masks,
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
    result = contour_accuracy(one, other, tolerance=tolerance)
    assert result == pytest.approx(expected)
    assert result == pytest.approx(contour_accuracy(other, one, tolerance=tolerance))
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


def video(shift, frames=5):
    """Two squares, labelled 1 and 2, the second of which drifts."""
    maps = np.zeros((frames, 40, 60), dtype=np.uint8)
    for frame in maps:
        frame[5:15, 5:15] = 1
    for index, frame in enumerate(maps):
        frame[20:30, 20 + shift * index : 30 + shift * index] = 2
    return maps


def test_objects_are_scored_apart_without_the_first_and_the_last_frame():
    truth, result = video(0), video(2)
    scores = mask_scores(iter(result), iter(truth))
    assert scores["object"].values.tolist() == [1, 2]
    assert scores["frame"].values.tolist() == [1, 2, 3]
    assert scores["region"].sel(object=1).values.tolist() == [1, 1, 1]
    assert scores["region"].sel(object=2).values.tolist() == [80 / 120, 60 / 140, 40 / 160]
    for frame in (1, 2, 3):
        cell = scores["contour"].sel(object=2, frame=frame)
        assert float(cell) == contour_accuracy(result[frame] == 2, truth[frame] == 2)
    whole = mask_scores(result, truth, ends=True, objects=[2])
    assert whole["frame"].values.tolist() == [0, 1, 2, 3, 4]
    assert whole["region"].sel(object=2, frame=4) == 20 / 180


def test_void_pixels_of_the_truth_are_background_unless_they_are_left_out():
    truth, result = video(0), video(0)
    truth[:, :, 10:12] = np.where(truth[:, :, 10:12] == 1, 255, truth[:, :, 10:12])
    background = np.where(truth == 255, 0, truth)
    for measure in ("region", "contour"):
        # davis2017-evaluation hands no void pixels to the measures of the semi-supervised task.
        expected = mask_scores(result, background)[measure]
        assert (mask_scores(result, truth)[measure] == expected).all()
        assert (expected.sel(object=1) < 1).all()
        assert (mask_scores(result, truth, leave_void_out=True)[measure] == 1).all()
    assert (mask_scores(result, truth)["region"].sel(object=1) == 0.8).all()


def test_an_object_that_is_in_the_first_frame_alone_is_scored_everywhere():
    truth = video(0)
    truth[1:][truth[1:] == 2] = 0
    scores = mask_scores(video(0), truth)["region"]
    assert scores.sel(object=2).values.tolist() == [0, 0, 0]


def test_a_summary_is_over_objects_and_keeps_the_videos_apart():
    good = mask_scores(video(0), video(0))
    drifting = mask_scores(video(2), video(0), objects=[2])
    result = summarize_masks({"good": good, "drifting": drifting})
    third = sequence_score(drifting["region"].sel(object=2).values)
    assert result["object"].values.tolist() == ["good_1", "good_2", "drifting_2"]
    cell = result["score"].sel(measure="region")
    assert float(cell.sel(statistic="mean")) == pytest.approx((1 + 1 + third.mean) / 3)
    assert float(cell.sel(statistic="recall")) == pytest.approx((1 + 1 + third.recall) / 3)
    assert float(cell.sel(statistic="decay")) == pytest.approx(third.decay / 3)
    by_video = result["score_by_sequence"].sel(measure="region", statistic="mean")
    assert by_video.sel(sequence=["good", "drifting"]).values.tolist() == [1, third.mean]
    j, f = result["score"].sel(statistic="mean").values
    assert float(result["overall"]) == pytest.approx((j + f) / 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mask_scores(video(0)[:3], video(0)), "as many predicted masks"),
        (lambda: mask_scores(video(0), video(0)[:3]), "as many predicted masks"),
        (lambda: mask_scores(video(0), 0 * video(0)), "no object"),
        (lambda: mask_scores(video(0)[:, 1:], video(0)), "predicted has the shape"),
        (lambda: mask_scores(video(0), video(0), objects=[0]), "object must be"),
        (lambda: summarize_masks({}), "no videos"),
    ],
)
def test_label_maps_that_do_not_fit_are_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()
