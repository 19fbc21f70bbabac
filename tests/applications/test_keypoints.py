import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from descr.applications import transfer_keypoints
from descr.descriptors import SIFT
from descr.descriptors.errors import ImageError, OptionError, PointError
from descr.matchers import (
    Cells,
    MutualNearestNeighbor,
    NearestNeighbor,
    Partners,
    SoftArgmax,
)
from hypothesis import given, settings
from hypothesis import strategies as st

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SHIFT = 24
EYES = {"left eye": (172.0, 118.0), "right eye": (318.0, 130.5), "nose": (255.0, 236.0)}


@pytest.fixture(scope="module")
def pair(chelsea: np.ndarray) -> tuple[xr.DataArray, xr.DataArray]:
    """A cat, and the same cat SHIFT pixels further to the left."""
    source, target = SIFT(size=400, step=4)(chelsea[:, : 451 - SHIFT], chelsea[:, SHIFT:])
    return source, target


def test_points_are_found_where_they_went(pair: tuple[xr.DataArray, xr.DataArray]) -> None:
    result = transfer_keypoints(EYES, *pair)
    assert dict(result.sizes) == {"point": 3}
    assert result["name"].values.tolist() == list(EYES)
    np.testing.assert_allclose(result["source_x"], [x for x, _ in EYES.values()])
    np.testing.assert_allclose(result["source_y"], [y for _, y in EYES.values()])
    # Cells lie 4.3 pixels apart.
    np.testing.assert_allclose(result["target_x"], result["source_x"] - SHIFT, atol=2.2)
    np.testing.assert_allclose(result["target_y"], result["source_y"], atol=2.2)
    assert result["matched"].all()
    assert (result["score"] > 0.9).all()
    assert (result["round_trip_error"] < 2.5).all()
    assert result["round_trip_error"].attrs["units"] == "pixel"


def test_the_round_trip_is_that_of_the_matcher(pair: tuple[xr.DataArray, xr.DataArray]) -> None:
    points = [(40.0, 40.0), (210.0, 150.0), (400.5, 290.0)]
    for matcher in (SoftArgmax(window=3), NearestNeighbor()):
        result = transfer_keypoints(points, *pair, matcher)
        there = matcher(*pair, points=points)
        xr.testing.assert_equal(
            result[["target_x", "target_y", "score", "matched"]].drop_vars("name"), there
        )
        places = list(zip(there["target_x"].values, there["target_y"].values, strict=True))
        back = matcher(*pair[::-1], points=places)
        error = np.hypot(
            *(back[f"target_{k}"].values - np.array(points)[:, i] for i, k in enumerate("xy"))
        )
        np.testing.assert_allclose(result["round_trip_error"], error)
        assert result.attrs["matcher"] == repr(matcher)


@given(x=st.floats(0, 426), y=st.floats(0, 299))
@settings(max_examples=25, deadline=None)
def test_an_image_maps_onto_itself(
    pair: tuple[xr.DataArray, xr.DataArray], x: float, y: float
) -> None:
    result = transfer_keypoints([(x, y)], pair[0], pair[0], NearestNeighbor())
    cell = float(np.diff(pair[0]["x"].values)[0])
    # Half a cell across and down, there and back.
    assert float(result["round_trip_error"][0]) <= cell * 2**0.5 + 1e-6


@pytest.mark.parametrize(
    "points",
    [
        EYES,
        pd.DataFrame([(name, *at) for name, at in EYES.items()], columns=["name", "x", "y"]),
        xr.Dataset(
            {
                "source_x": ("point", [x for x, _ in EYES.values()]),
                "source_y": ("point", [y for _, y in EYES.values()]),
            },
            coords={"name": ("point", list(EYES))},
        ),
    ],
    ids=["mapping", "DataFrame", "Dataset"],
)
def test_every_form_of_points_says_the_same(
    pair: tuple[xr.DataArray, xr.DataArray], points: Any
) -> None:
    result = transfer_keypoints(points, *pair)
    at = np.array(list(EYES.values()))
    xr.testing.assert_identical(result, transfer_keypoints(at, *pair, names=list(EYES)))
    unnamed = transfer_keypoints(at.tolist(), *pair)
    assert unnamed["name"].values.tolist() == ["", "", ""]
    # What comes out can be put in.
    xr.testing.assert_identical(result, transfer_keypoints(result, *pair))


def test_a_row_without_a_name_has_none(pair: tuple[xr.DataArray, xr.DataArray]) -> None:
    rows = pd.DataFrame({"x": [9.0, 20.0], "y": [9.0, 20.0], "name": ["ear", None]})
    assert transfer_keypoints(rows, *pair)["name"].values.tolist() == ["ear", ""]


def test_images_are_described(chelsea: np.ndarray) -> None:
    result = transfer_keypoints(EYES, chelsea, chelsea, descriptor=SIFT(size=200))
    np.testing.assert_allclose(result["target_x"], result["source_x"], atol=9)
    with pytest.raises(OptionError, match="need a descriptor"):
        transfer_keypoints(EYES, chelsea, chelsea)


def test_what_has_no_match_has_no_round_trip(pair: tuple[xr.DataArray, xr.DataArray]) -> None:
    y, x = np.mgrid[8:300:30, 2:420:30]
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    result = transfer_keypoints(points, *pair, MutualNearestNeighbor(tolerance=1))
    assert 0.5 < float(result["matched"].mean()) < 1
    lost = result.isel(point=~result["matched"].values)
    assert lost["target_x"].isnull().all()
    assert lost["round_trip_error"].isnull().all()
    # The way back asks from the centre of a cell, whose partner may be another: few, not none.
    kept = result.isel(point=result["matched"].values)
    assert float(kept["round_trip_error"].notnull().mean()) > 0.9
    alone = transfer_keypoints(
        points[~result["matched"].values][:1], *pair, MutualNearestNeighbor()
    )
    assert alone["round_trip_error"].isnull().all()


class Leftwards(NearestNeighbor):
    """The best cell, and from there 100 pixels to the left, whatever lies there."""

    def match(self, query: Cells, source: Cells, target: Cells) -> Partners:
        result = super().match(query, source, target)
        return Partners(result.x - 100, result.y, result.score)


def test_a_place_outside_the_target_has_no_way_back(
    pair: tuple[xr.DataArray, xr.DataArray],
) -> None:
    result = transfer_keypoints([(60.0, 40.0), (300.0, 130.0)], *pair, Leftwards())
    assert result["matched"].all()
    assert float(result["target_x"][0]) < -0.5
    assert result["round_trip_error"].isnull().values.tolist() == [True, False]


def test_masks_bound_the_way_there_and_back(pair: tuple[xr.DataArray, xr.DataArray]) -> None:
    height, width = 300, 451 - SHIFT
    left = np.zeros((height, width), bool)
    left[:, : width // 2] = True
    result = transfer_keypoints(EYES, *pair, source_mask=left, target_mask=left)
    assert result["matched"].values.tolist() == [True, False, False]
    assert float(result["target_x"][0]) < width / 2
    assert np.isfinite(result["round_trip_error"].values[0])
    with pytest.raises(ImageError, match="source mask leaves no cell"):
        transfer_keypoints(EYES, *pair, source_mask=np.zeros((height, width), bool))


def test_a_place_between_the_cells_of_a_mask_has_a_way_back(
    pair: tuple[xr.DataArray, xr.DataArray],
) -> None:
    stripes = np.zeros((300, 451 - SHIFT), bool)
    columns = np.floor(pair[1]["x"].values + 0.5).astype(int)
    stripes[:, columns] = True
    result = transfer_keypoints(EYES, *pair, target_mask=stripes)
    x = np.floor(result["target_x"].values + 0.5).astype(int)
    assert not stripes[0, x].all()
    assert result["round_trip_error"].notnull().all()
    assert stripes.sum() == 300 * len(columns)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([(500.0, 3.0)], "lies outside"),
        ([], "at least one"),
        ([(1.0, 2.0, 3.0)], "shape"),
        (["nose"], "pairs of numbers"),
        ({"nose": 3.0}, "shape"),
        ([(np.nan, 3.0)], "lies outside"),
        (xr.Dataset({"u": ("point", [1.0])}), "neither x and y"),
    ],
)
def test_what_are_no_points_is_refused(
    pair: tuple[xr.DataArray, xr.DataArray], points: Any, says: str
) -> None:
    with pytest.raises(PointError, match=says):
        transfer_keypoints(points, *pair)


def test_names_are_as_many_as_points(pair: tuple[xr.DataArray, xr.DataArray]) -> None:
    with pytest.raises(OptionError, match="1 names for 3 points"):
        transfer_keypoints(EYES, *pair, names=["nose"])


def test_the_points_of_the_sample_photographs_lie_within_a_pixel_of_the_truth() -> None:
    truth = runpy.run_path(str(IMAGES / "make_samples.py"))["to_closer"]
    points = pd.read_csv(IMAGES / "cat-points.csv")
    maps = SIFT(step=4)(IMAGES / "cat.jpg", IMAGES / "cat-closer.jpg")
    source, target = maps
    result = transfer_keypoints(points, source, target)
    expected = truth(points[["x", "y"]].to_numpy())
    off = np.hypot(result["target_x"] - expected[:, 0], result["target_y"] - expected[:, 1])
    assert float(off.max()) < 1
    assert float(result["round_trip_error"].max()) < 1
