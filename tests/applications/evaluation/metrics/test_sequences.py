import numpy as np
import pytest
from descr.applications.evaluation.metrics import (
    contour_accuracy,
    mask_scores,
    sequence_score,
    summarize_masks,
)
from descr.descriptors.errors import OptionError


def video(shift, frames=5):
    """Two squares, labelled 1 and 2, the second of which drifts."""
    maps = np.zeros((frames, 40, 60), dtype=np.uint8)
    for frame in maps:
        frame[5:15, 5:15] = 1
    for index, frame in enumerate(maps):
        frame[20:30, 20 + shift * index : 30 + shift * index] = 2
    return maps


def test_objects_are_scored_apart_without_the_first_and_the_last_frame():
    truth, found = video(0), video(2)
    scores = mask_scores(iter(found), iter(truth))
    assert scores["object"].values.tolist() == [1, 2]
    assert scores["frame"].values.tolist() == [1, 2, 3]
    assert scores["region"].sel(object=1).values.tolist() == [1, 1, 1]
    assert scores["region"].sel(object=2).values.tolist() == [80 / 120, 60 / 140, 40 / 160]
    for frame in (1, 2, 3):
        cell = scores["contour"].sel(object=2, frame=frame)
        assert float(cell) == contour_accuracy(found[frame] == 2, truth[frame] == 2)
    whole = mask_scores(found, truth, ends=True, objects=[2])
    assert whole["frame"].values.tolist() == [0, 1, 2, 3, 4]
    assert whole["region"].sel(object=2, frame=4) == 20 / 180


def test_void_pixels_of_the_truth_are_background_unless_they_are_left_out():
    truth, found = video(0), video(0)
    truth[:, :, 10:12] = np.where(truth[:, :, 10:12] == 1, 255, truth[:, :, 10:12])
    background = np.where(truth == 255, 0, truth)
    for measure in ("region", "contour"):
        # davis2017-evaluation hands no void pixels to the measures of the semi-supervised task.
        expected = mask_scores(found, background)[measure]
        assert (mask_scores(found, truth)[measure] == expected).all()
        assert (expected.sel(object=1) < 1).all()
        assert (mask_scores(found, truth, leave_void_out=True)[measure] == 1).all()
    assert (mask_scores(found, truth)["region"].sel(object=1) == 0.8).all()


def test_an_object_that_is_in_the_first_frame_alone_is_scored_everywhere():
    truth = video(0)
    truth[1:][truth[1:] == 2] = 0
    scores = mask_scores(video(0), truth)["region"]
    assert scores.sel(object=2).values.tolist() == [0, 0, 0]


def test_a_summary_is_over_objects_and_keeps_the_videos_apart():
    good = mask_scores(video(0), video(0))
    drifting = mask_scores(video(2), video(0), objects=[2])
    found = summarize_masks({"good": good, "drifting": drifting})
    third = sequence_score(drifting["region"].sel(object=2).values)
    assert found["object"].values.tolist() == ["good_1", "good_2", "drifting_2"]
    cell = found["score"].sel(measure="region")
    assert float(cell.sel(statistic="mean")) == pytest.approx((1 + 1 + third.mean) / 3)
    assert float(cell.sel(statistic="recall")) == pytest.approx((1 + 1 + third.recall) / 3)
    assert float(cell.sel(statistic="decay")) == pytest.approx(third.decay / 3)
    by_video = found["score_by_sequence"].sel(measure="region", statistic="mean")
    assert by_video.sel(sequence=["good", "drifting"]).values.tolist() == [1, third.mean]
    j, f = found["score"].sel(statistic="mean").values
    assert float(found["overall"]) == pytest.approx((j + f) / 2)


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
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()
