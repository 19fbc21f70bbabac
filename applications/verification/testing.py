"""What every verifier promises, as checks to run over one's own.

    from descr.applications.verification.testing import check_verifier

    def test_my_verifier():
        check_verifier(MyVerifier())

A check that fails raises `AssertionError` and says what was promised. No test framework is needed.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.errors import OptionError
from ...descriptors.testing import check_frozen
from ...matchers import NearestNeighbor
from ...matchers.matches import list_places
from ...matchers.testing import render_map
from .base import Verifier

__all__ = ["CHECKS", "check_verifier", "list_matches", "render_matches"]


def check_verifier(verifier: Verifier) -> None:
    """Run every check over a verifier; `AssertionError` names the promise that is broken.

    The matches are a plane seen from elsewhere, with others at random, and degenerate ones.
    """
    for check in CHECKS:
        check(verifier)


def list_matches(source: npt.ArrayLike, target: npt.ArrayLike) -> xr.Dataset:
    """Matches along `match` from points (n, 2) to points (n, 2), x and y in pixels."""
    sides = {"source": np.asarray(source, float), "target": np.asarray(target, float)}
    return xr.Dataset(
        {
            f"{side}_{axis}": ("match", at[:, column])
            for side, at in sides.items()
            for column, axis in enumerate("xy")
        }
    )


def render_matches(right: int = 60, wrong: int = 20, *, seed: int = 0) -> xr.Dataset:
    """Matches of a plane in perspective within 800 x 600 pixels, then wrong ones at random."""
    generator = np.random.default_rng(seed)
    source = generator.uniform((0, 0), (800, 600), size=(right + wrong, 2))
    model = np.array([[0.9, -0.2, 60.0], [0.15, 0.85, 20.0], [1e-4, -5e-5, 1.0]])
    *places, depth = model @ np.column_stack([source, np.ones(len(source))]).T
    target = (np.stack(places) / depth).T
    target[right:] = generator.uniform((0, 0), (800, 600), size=(wrong, 2))
    return list_matches(source, target)


def check_result(verifier: Verifier) -> None:
    """`inlier` along the matches, the model if there is one, and attributes that say so."""
    matches = render_matches().assign_attrs(source_name="a.png")
    result = verifier(matches)
    inlier = result["inlier"]
    assert inlier.dims == ("match",), f"inlier has the dimensions {inlier.dims}"
    assert inlier.dtype == np.bool_, f"inlier has the type {inlier.dtype}"
    rest = result.drop_vars(["inlier", "model"], errors="ignore")
    assert rest.equals(matches), "verification changes the matches themselves"
    if "model" in result:
        model = result["model"]
        assert (model.dims, model.shape) == (("row", "column"), (3, 3)), "model is not 3 x 3"
        assert np.isfinite(model.values).all(), "model is not finite"
    assert result.attrs["source_name"] == "a.png", "the attributes of the matches are lost"
    assert result.attrs["verifier"] == repr(verifier), "verifier is not how it would be written"
    begin = f"{int(inlier.sum())} of 80 matches agree"
    assert result.attrs["verification"].startswith(begin), "verification doesn't count the inliers"


def check_forms(verifier: Verifier) -> None:
    """Correspondences over a grid or points have the answer of their list; the unmatched: no."""
    source, target = render_map(6, 8), render_map(7, 6, seed=1)
    grid = NearestNeighbor()(source, target)
    grid["matched"][2:4] = False
    grid["target_x"] = grid["target_x"].where(grid["matched"])
    for result in (grid, grid.stack(point=("y", "x")).reset_index("point")):
        if "point" in result.dims:
            result = result.rename(x="source_x", y="source_y")
        inlier = verifier(result)["inlier"]
        assert inlier.dims == result["matched"].dims, f"inlier has the dimensions {inlier.dims}"
        assert not inlier.values[~result["matched"].values].any(), "no match is an inlier"
        listed = list_places(result)
        which = np.flatnonzero(listed["matched"])
        alone = verifier(listed.drop_vars("matched").isel(match=which))
        same = np.array_equal(alone["inlier"], inlier.values.ravel()[which])
        assert same, "the answer depends on the form of the matches"


def check_repeatable(verifier: Verifier) -> None:
    """The same matches have the same answer, and are left as they were."""
    matches = render_matches()
    before = matches.copy(deep=True)
    first, second = verifier(matches), verifier(matches)
    assert first.identical(second), "the same matches have two answers"
    assert matches.identical(before), "the matches were changed"
    again = verifier(first)
    assert again.identical(first), "matches that were verified before have another answer"


def check_degenerate(verifier: Verifier) -> None:
    """Few matches, matches along a line and at one spot have an answer as others do."""
    line = np.outer(np.arange(20.0), (8, 8))
    few = [render_matches(count, 0) for count in range(max(8, verifier.least + 1))]
    spots = (list_matches(line, line + 3), list_matches(line * 0, line * 0 + 5))
    onto = list_matches(render_matches(20, 0)[["source_x", "source_y"]].to_array().T, line * 0)
    for matches in (*few, *spots, onto):
        count = matches.sizes["match"]
        result = verifier(matches)
        assert result["inlier"].shape == (count,), f"{count} matches have another number of answers"
        if count < verifier.least:
            assert not result["inlier"].any(), (
                f"{count} matches agree, and {verifier.least} are least"
            )
            assert "model" not in result, f"{count} matches have a model"


def check_files(verifier: Verifier) -> None:
    """The result goes through a NetCDF file as it is."""
    result = verifier(render_matches())
    with tempfile.TemporaryDirectory() as folder:
        result.to_netcdf(Path(folder) / "result.nc")
        with xr.open_dataset(Path(folder) / "result.nc") as loaded:
            assert loaded.load().equals(result), "the result changed on its way through a file"


def check_settings(verifier: Verifier) -> None:
    """Settings show in `repr`, go into JSON, and are frozen."""
    check_frozen(verifier)


def check_bad_input_is_refused(verifier: Verifier) -> None:
    """What holds no matches is an error, not an answer."""
    matches = render_matches()
    holed = matches.copy(deep=True)
    holed["target_y"][3] = np.nan
    for bad in (matches.drop_vars("source_x"), holed, xr.Dataset()):
        try:
            verifier(bad)
        except OptionError:
            continue
        raise AssertionError(f"no OptionError for {bad!r}")


CHECKS: tuple[Callable[[Verifier], None], ...] = (
    check_result,
    check_forms,
    check_repeatable,
    check_degenerate,
    check_files,
    check_settings,
    check_bad_input_is_refused,
)
