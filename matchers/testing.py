"""What every matcher promises, as checks to run over one's own.

    from descr.matchers.testing import check_matcher

    def test_my_matcher():
        check_matcher(MyMatcher())

A check that fails raises `AssertionError` and says what was promised. No test framework is needed.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from ..descriptors.errors import (
    DescrError,
    ImageError,
    IncomparableFeaturesError,
    InvalidFeaturesError,
    OptionError,
    PointError,
)
from ..descriptors.testing import check_frozen
from .base import Matcher
from .cells import Cells
from .correspondences import check_partners
from .matches import to_matches
from .trials import ROUNDING, check_same, check_values, mask_of, pair, render_map

__all__ = ["CHECKS", "check_matcher", "render_map"]


def check_matcher(matcher: Matcher) -> None:
    """Run every check over a matcher; `AssertionError` names the promise that is broken.

    The feature maps are small and random: two sizes of grid, two images of another shape.
    """
    for check in CHECKS:
        check(matcher)


def check_result_of_the_grid(matcher: Matcher) -> None:
    """Without points: one place per source cell, with its coordinates, types and attributes."""
    source, target = pair()
    result = matcher(source, target)
    assert result["score"].dims == ("y", "x"), f"the result has the dimensions {result.sizes}"
    for axis in ("y", "x"):
        assert np.array_equal(result[axis].values, source[axis].values), (
            f"the coordinate {axis!r} is not that of the source"
        )
    check_values(result, target)


def check_result_of_points(matcher: Matcher) -> None:
    """With points: one place per point, in order, with the points as coordinates."""
    source, target = pair()
    points = [(3.0, 4.5), (-0.5, -0.5), (55.5, 39.5), (3.0, 4.5)]
    result = matcher(source, target, points=points)
    assert result["score"].dims == ("point",), f"the result has the dimensions {result.sizes}"
    labels = np.stack([result["source_x"].values, result["source_y"].values], axis=1)
    assert np.array_equal(labels, points), "source_x and source_y are not the points"
    check_values(result, target)
    first, last = result.isel(point=0), result.isel(point=3)
    assert first.identical(last), "the same point asked for twice has two answers"


def check_points_agree_with_the_grid(matcher: Matcher) -> None:
    """A point at the centre of a cell has the match of that cell."""
    source, target = pair()
    grid = matcher(source, target).stack(point=("y", "x")).reset_index("point")
    centres = np.stack([grid["x"].values, grid["y"].values], axis=1)
    points = matcher(source, target, points=centres, interpolation="nearest")
    check_same(grid, points, "whether cells or points are asked for")


def check_masks(matcher: Matcher) -> None:
    """Nothing is asked for outside the source mask, and nothing found outside the target mask."""
    source, target = pair()
    source_mask, target_mask = mask_of(source, slice(0, 24), slice(16, 56)), mask_of(target)
    target_mask[8:48, 0:24] = True
    result = matcher(source, target, source_mask=source_mask, target_mask=target_mask)
    in_mask = np.zeros(result["score"].shape, dtype=bool)
    in_mask[0:3, 2:7] = True
    assert not result["matched"].values[~in_mask].any(), "a place outside the mask is matched"
    assert np.isnan(result["score"].values[~in_mask]).all(), "a place outside the mask has a score"
    assert not np.isnan(result["score"].values[in_mask]).any(), "a place in the mask has no score"
    check_values(result, target)
    matches = to_matches(result)
    x, y = matches["target_x"].values, matches["target_y"].values
    inside = (x >= 3.4) & (x <= 19.6) & (y >= 11.4) & (y <= 43.6)
    assert inside.all(), "a match lies outside the target mask"
    points = matcher(source, target, points=[(1.0, 1.0), (30.0, 10.0)], source_mask=source_mask)
    assert list(np.isnan(points["score"].values)) == [True, False], (
        "a point outside the source mask has a score, or one inside has none"
    )
    everything = np.ones((40, 56), dtype=bool)
    masked = matcher(source, target, source_mask=everything)
    assert masked.identical(matcher(source, target)), "a mask of everything changes the answer"


def check_other_lengths(matcher: Matcher) -> None:
    """Maps that are not of unit length are matched by their directions."""
    source, target = pair()
    scale = xr.DataArray(np.geomspace(0.01, 100.0, source.sizes["x"], dtype=np.float32), dims="x")
    result = matcher(source.copy(data=(source * scale).values), target)
    check_same(matcher(source, target), result, "the lengths of the cells")


def check_one_cell(matcher: Matcher) -> None:
    """Maps of a single cell, and flat maps whose cells are all alike, are no special case."""
    one, target = render_map(1, 1), render_map(3, 4, seed=1)
    flat = target.copy(data=np.full_like(target.values, 12**-0.5))
    for first, second in ((one, one), (one, target), (target, one), (flat, flat)):
        result = matcher(first, second)
        assert result["score"].shape == (first.sizes["y"], first.sizes["x"])
        check_values(result, second)


def check_repeatable(matcher: Matcher) -> None:
    """The same maps have the same answer, and are left as they were."""
    source, target = pair()
    before = source.copy(deep=True), target.copy(deep=True)
    first, second = matcher(source, target), matcher(source, target)
    assert first.identical(second), "the same maps have two answers"
    assert source.identical(before[0]), "the source map was changed"
    assert target.identical(before[1]), "the target map was changed"
    assert source.values.flags.writeable, "the source map was frozen"


def check_use_of_source(matcher: Matcher) -> None:
    """A matcher that says that it doesn't use the source answers the same without it."""
    if matcher.uses_source:
        return
    source, target = pair()
    points = [(3.0, 4.5), (40.0, 22.0), (55.5, 39.5)]
    result = matcher(source, target, points=points)
    of_source, of_target = matcher.feature_maps(source, target)
    query = Cells.at(of_source, points, "bilinear")
    nowhere = torch.zeros(len(query))
    query = Cells(query.features, nowhere.long(), nowhere.double(), nowhere.double(), (0, 0))
    partners = matcher.match(query, query, Cells.of(of_target))
    for name, values in check_partners(partners, len(query), repr(matcher)).items():
        assert np.allclose(values, result[name].values, atol=ROUNDING, equal_nan=True), (
            f"{name} depends on the source, and uses_source is False"
        )


def check_files(matcher: Matcher) -> None:
    """The result goes through a NetCDF file as it is, and into a list of matches."""
    source, target = pair()
    for result in (matcher(source, target), matcher(source, target, points=[(3.0, 4.0)])):
        with tempfile.TemporaryDirectory() as folder:
            result.to_netcdf(Path(folder) / "result.nc")
            with xr.open_dataset(Path(folder) / "result.nc") as loaded:
                assert loaded.load().equals(result), "the result changed on its way through a file"
        matches = to_matches(result)
        assert matches.sizes["match"] == int(result["matched"].sum())
        assert (np.diff(matches["score"].values) <= 0).all(), "matches are not best first"


def check_settings(matcher: Matcher) -> None:
    """Settings show in `repr`, go into JSON, and are frozen; the block size changes no answer."""
    check_frozen(matcher)
    if "block" in matcher.settings:
        source, target = pair()
        small = type(matcher)(**{**matcher.settings, "block": 3})
        check_same(matcher(source, target), small(source, target), "the block size")


def check_bad_input_is_refused(matcher: Matcher) -> None:
    """What can't be matched is an error of its own kind, not an answer."""
    source, target = pair()
    other_basis = render_map(6, 5, seed=1, basis="another")
    fewer_channels = render_map(6, 5, seed=1, channels=11)
    holed, infinite, zero = (target.copy(deep=True) for _ in range(3))
    holed[0, 2, 3], infinite[0, 2, 3], zero[:, 2, 3] = np.nan, np.inf, 0.0
    small, empty = np.ones((3, 3), dtype=bool), mask_of(target)
    refused: list[tuple[type[DescrError], Any, dict[str, Any]]] = [
        (IncomparableFeaturesError, other_basis, {}),
        (IncomparableFeaturesError, fewer_channels, {}),
        (InvalidFeaturesError, holed, {}),
        (InvalidFeaturesError, infinite, {}),
        (InvalidFeaturesError, zero, {}),
        (InvalidFeaturesError, target.values, {}),
        (InvalidFeaturesError, target.transpose("y", "x", "channel"), {}),
        (PointError, target, {"points": [(56.0, 3.0)]}),
        (PointError, target, {"points": [(np.nan, 3.0)]}),
        (PointError, target, {"points": [(1.0, 2.0, 3.0)]}),
        (OptionError, target, {"points": [(1.0, 2.0)], "interpolation": "cubic"}),
        (ImageError, target, {"source_mask": small}),
        (ImageError, target, {"target_mask": small}),
        (ImageError, target, {"target_mask": empty}),
        (ImageError, target, {"source_mask": mask_of(source)}),
    ]
    for kind, second, options in refused:
        try:
            matcher(source, second, **options)
        except kind:
            continue
        raise AssertionError(f"no {kind.__name__} for {options or second!r}")


CHECKS: tuple[Callable[[Matcher], None], ...] = (
    check_result_of_the_grid,
    check_result_of_points,
    check_points_agree_with_the_grid,
    check_masks,
    check_other_lengths,
    check_one_cell,
    check_repeatable,
    check_use_of_source,
    check_files,
    check_settings,
    check_bad_input_is_refused,
)
