import numpy as np
import pytest
from descr.applications.verification import VERIFIERS, Homography, available, create
from descr.applications.verification.testing import render_matches
from descr.descriptors.errors import OptionError
from descr.matchers import MutualNearestNeighbor, to_matches
from descr.matchers.testing import render_map


def test_names_are_those_of_the_registry():
    assert available() == ("homography", "fundamental", "affine", "neighbours")
    assert repr(create("homography", threshold=2)) == repr(Homography(threshold=2))
    with pytest.raises(OptionError, match="unknown verifier: 'homografy'") as refused:
        create("homografy")
    assert "did you mean 'homography'" in refused.value.hint
    with pytest.raises(OptionError, match="unknown option of verifier 'affine': 'treshold'"):
        create("affine", treshold=3)
    with pytest.raises(OptionError, match="is not a verifier"):
        VERIFIERS.find("descr.matchers:NearestNeighbor")


def test_inliers_go_into_the_list_of_matches():
    source = render_map(9, 7)
    result = Homography()(MutualNearestNeighbor()(source, source.roll(x=1)))
    matches = to_matches(result)
    assert matches["inlier"].dims == ("match",)
    assert matches["inlier"].sum() == result["inlier"].sum() == 9 * 6
    assert matches["model"].identical(result["model"])
    np.testing.assert_allclose(matches["model"], [[1, 0, 8], [0, 1, 0], [0, 0, 1]], atol=1e-3)
    assert matches.attrs["verification"] == "54 of 63 matches agree within 12.0 pixels"


def test_what_is_no_list_of_matches_is_refused():
    matches = render_matches()
    with pytest.raises(OptionError, match="the matches lack source_y"):
        Homography()(matches.drop_vars("source_y"))
    with pytest.raises(OptionError, match="correspondences lack score, matched"):
        Homography()(matches.rename(match="row"))
    matches["target_x"][0] = np.inf
    with pytest.raises(OptionError, match="NaN or infinite"):
        Homography()(matches)
