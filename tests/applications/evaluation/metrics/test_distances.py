import numpy as np
import pytest
from descr.applications.evaluation.metrics import (
    box_length,
    image_length,
    keypoint_length,
    point_distances,
)
from descr.descriptors.errors import OptionError

NAN = np.nan


def test_distances_are_euclidean_and_keep_apart_what_does_not_count_and_what_is_silent():
    truth = [[[0, 0], [10, 10], [NAN, NAN], [5, 5]]]
    predicted = [[[3, 4], [NAN, NAN], [1, 1], [5, 7]]]
    assert point_distances(predicted, truth).tolist()[0][:2] == [5, np.inf]
    assert np.isnan(point_distances(predicted, truth)[0, 2])
    partly = point_distances(predicted, truth, [[True, False, True, True]])
    assert np.array_equal(partly, [[5, NAN, NAN, 2]], equal_nan=True)


def test_lengths_are_the_longer_sides():
    assert box_length([[10, 20, 40, 30], [0, 0, 5, 9]]).tolist() == [30, 9]
    assert image_length([[480, 640], [800, 600]]).tolist() == [640, 800]
    points = [[[1, 2], [4, 12], [NAN, NAN]], [[7, 7], [NAN, NAN], [NAN, NAN]]]
    assert keypoint_length(points).tolist() == [10, 0]


def test_a_pair_without_points_or_box_has_no_length():
    assert np.isnan(keypoint_length(np.full((1, 3, 2), NAN))).all()
    assert np.isnan(keypoint_length(np.empty((1, 0, 2)))).all()
    assert np.isnan(box_length([[NAN] * 4])).all()


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: point_distances(np.zeros((2, 3, 2)), np.zeros((2, 4, 2))), "predicted"),
        (lambda: point_distances(np.zeros(2), np.zeros(2), [True]), "counted"),
        (lambda: box_length([[1, 2, 3]]), "boxes"),
        (lambda: image_length([1, 2]), "sizes"),
        (lambda: keypoint_length([["a"]]), "points"),
    ],
)
def test_arrays_that_do_not_fit_are_named(call, name):
    with pytest.raises(OptionError, match=name):
        call()
