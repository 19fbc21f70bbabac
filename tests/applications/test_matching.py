from pathlib import Path

import numpy as np
import pytest
from descr.applications import match_images
from descr.descriptors import SIFT
from descr.descriptors.errors import ImageError, OptionError, PointError
from descr.descriptors.testing import render_picture
from descr.matchers import MutualNearestNeighbor, NearestNeighbor, to_matches

PICTURE = render_picture(96, 128)


def test_a_call_is_the_whole_way():
    shifted = np.roll(PICTURE, 8, axis=1)
    describe = SIFT(size=128)
    matches = match_images(PICTURE, shifted, descriptor=describe)
    assert matches.identical(to_matches(MutualNearestNeighbor()(*describe(PICTURE, shifted))))
    assert np.median(matches.target_x - matches.source_x) == pytest.approx(8)


def test_everything_has_a_default(monkeypatch):
    monkeypatch.setattr("descr.applications.matching.best_descriptor", lambda: "sift")
    matches = match_images(PICTURE, PICTURE)
    assert (matches.score > 0.999).all()
    assert matches.sizes["match"] > 1000


def test_points_keep_their_order():
    points = [(100.0, 50.0), (20.0, 30.0)]
    answers = match_images(
        PICTURE, PICTURE, points=points, descriptor="sift", matcher=NearestNeighbor()
    )
    assert answers.source_x.values.tolist() == [100.0, 20.0]
    assert abs(answers.target_x - answers.source_x).max() < 8
    assert abs(answers.target_y - answers.source_y).max() < 8


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"descriptor": "shift"}, OptionError),
        ({"matcher": "farthest", "descriptor": "sift"}, OptionError),
        ({"points": [(500.0, 1.0)], "descriptor": "sift"}, PointError),
        ({"source_mask": np.ones((3, 3), bool), "descriptor": "sift"}, ImageError),
    ],
)
def test_what_can_not_be_matched_is_refused(options, error):
    with pytest.raises(error):
        match_images(PICTURE, PICTURE, **options)


def test_a_missing_photograph_is_named(tmp_path: Path):
    with pytest.raises(ImageError, match="no such file"):
        match_images(tmp_path / "a.jpg", PICTURE, descriptor="sift")
