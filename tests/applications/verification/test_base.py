import re
from typing import Any

import numpy as np
import pytest
import xarray as xr
from descr.applications.verification import (
    VERIFIERS,
    Homography,
    Verdict,
    Verifier,
    available,
    create,
)
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


@pytest.mark.parametrize(
    ("inlier", "model", "message"),
    [
        (True, None, "inlier is bool (), expected bool (3,)"),
        (np.ones(2, dtype=bool), None, "inlier is bool (2,), expected bool (3,)"),
        (np.ones(3), None, "inlier is float64 (3,), expected bool (3,)"),
        (np.ones(3, dtype=bool), np.eye(2), "model has the shape (2, 2), expected (3, 3)"),
    ],
)
def test_a_verdict_of_another_form_is_refused(inlier: Any, model: Any, message: str) -> None:
    class Odd(Verifier):
        def verify(self, matches: xr.Dataset) -> Verdict:
            return Verdict(inlier, model)

    columns = ("source_x", "source_y", "target_x", "target_y")
    matches = xr.Dataset({name: ("match", [1.0, 2.0, 3.0]) for name in columns})
    with pytest.raises(ValueError, match=re.escape(f"Odd: {message}")):
        Odd()(matches)


def test_inliers_alone_are_no_verdict() -> None:
    class Bare(Verifier):
        def verify(self, matches: xr.Dataset) -> Verdict:
            return np.ones(matches.sizes["match"], dtype=bool)  # type: ignore[return-value]

    with pytest.raises(ValueError, match="Bare: verify gives ndarray, expected Verdict"):
        Bare()(render_matches())
