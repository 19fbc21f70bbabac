"""Matches as rows and as files."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from descr.applications import transfer_keypoints
from descr.applications.exchange import (
    best_spread,
    match_rows,
    read_points,
    select_matches,
    write_matches,
)
from descr.descriptors import SIFT
from descr.descriptors.errors import OptionError, OutputError
from descr.matchers import MutualNearestNeighbor, to_matches

COLUMNS = ["source_x", "source_y", "target_x", "target_y", "score"]


@pytest.fixture(scope="module")
def maps() -> list[xr.DataArray]:
    """Two views of noise, the second 8 pixels further."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 28, 3), dtype=np.uint8)
    pixels = pixels.repeat(4, axis=0).repeat(4, axis=1)
    return SIFT(size=96, step=4)(pixels[:, :96], pixels[:, 8:104])


@pytest.fixture
def cells(maps: list[xr.DataArray]) -> xr.Dataset:
    """The match of each cell."""
    source, target = maps
    return MutualNearestNeighbor()(source, target)


@pytest.fixture
def points(maps: list[xr.DataArray]) -> xr.Dataset:
    """Two points, of which the second has left the target."""
    source, target = maps
    matcher = MutualNearestNeighbor()
    return transfer_keypoints({"eye": (60, 32), "": (1, 20)}, source, target, matcher=matcher)


def test_cells_are_listed_best_first(cells: xr.Dataset) -> None:
    rows = match_rows(cells)
    assert [list(row) for row in rows] == [COLUMNS] * int(cells["matched"].sum())
    expected = to_matches(cells)
    for name in COLUMNS:
        np.testing.assert_allclose([row[name] for row in rows], expected[name], atol=5e-4)
    assert match_rows(expected) == rows


def test_points_are_listed_in_their_order_with_or_without_a_match(points: xr.Dataset) -> None:
    first, second = match_rows(points)
    assert list(first) == ["name", *COLUMNS, "round_trip_error"]
    assert (first["name"], first["source_x"], first["source_y"]) == ("eye", 60, 32)
    assert first["target_x"] == pytest.approx(52, abs=3)
    assert second == {"name": "", "source_x": 1, "source_y": 20} | dict.fromkeys(
        ["target_x", "target_y", "score", "round_trip_error"]
    )
    assert [row["name"] for row in match_rows(points, ["a", "b"])] == ["a", "b"]
    assert "name" not in match_rows(points, ["", ""])[0]


def test_every_form_holds_the_same(points: xr.Dataset, tmp_path: Path) -> None:
    for suffix in ("csv", "json", "nc"):
        write_matches(points, tmp_path / f"m.{suffix}", about={"seconds": 1})
    rows = match_rows(points)
    document = json.loads((tmp_path / "m.json").read_text())
    assert document == {"seconds": 1, "matches": rows}
    with (tmp_path / "m.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    texts = [{name: "" if value is None else str(value) for name, value in row.items()}
             for row in rows]  # fmt: skip
    assert table == texts
    with xr.open_dataset(tmp_path / "m.nc") as dataset:
        xr.testing.assert_equal(dataset.load(), points)
    for suffix in ("csv", "json"):
        again = read_points(tmp_path / f"m.{suffix}")
        assert [(one.x, one.y, one.name) for one in again] == [(60, 32, "eye"), (1, 20, "")]


def test_margins_and_inliers_are_columns_where_there_are_any(
    maps: list[xr.DataArray], tmp_path: Path
) -> None:
    cells = MutualNearestNeighbor(margin=2)(*maps)
    cells["inlier"] = cells["matched"] & (cells["x"] > 40)
    rows = match_rows(cells)
    assert list(rows[0]) == [*COLUMNS, "margin", "inlier"]
    assert {row["inlier"] for row in rows} == {True, False}
    write_matches(cells, tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_text().splitlines()[1].endswith(f",{rows[0]['inlier']}")
    kept = select_matches(cells, max_matches=5)
    assert not kept["inlier"].values[~kept["matched"].values].any()


def test_no_match_is_a_table_without_rows(cells: xr.Dataset, tmp_path: Path) -> None:
    nothing = select_matches(cells, min_score=1)
    nothing["matched"][:] = False
    write_matches(nothing, tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_what_can_t_be_written_leaves_nothing(cells: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"'\.txt' means nothing.*\.csv, \.json or \.nc"):
        write_matches(cells, tmp_path / "m.txt")
    with pytest.raises(OutputError, match="gone"):
        write_matches(cells, tmp_path / "gone" / "m.csv")
    assert not list(tmp_path.iterdir())


def test_what_is_not_kept_loses_its_target(cells: xr.Dataset) -> None:
    kept = select_matches(cells, min_score=0.9)
    np.testing.assert_array_equal(kept["matched"], cells["matched"] & (cells["score"] >= 0.9))
    assert bool(kept["target_x"].isnull().equals(~kept["matched"]))
    xr.testing.assert_equal(kept["score"], cells["score"])
    xr.testing.assert_equal(select_matches(cells)["matched"], cells["matched"])


def test_the_matches_that_are_kept_are_the_best_that_lie_spread(cells: xr.Dataset) -> None:
    kept = to_matches(select_matches(cells, max_matches=10))
    xr.testing.assert_equal(kept, best_spread(to_matches(cells), 10))
    at = np.stack([kept["source_x"], kept["source_y"]], axis=1)
    apart = np.linalg.norm(at[:, None] - at, axis=-1) + 1e3 * np.eye(10)
    assert apart.min() > 8
    matches = to_matches(cells)
    worst = float(matches["score"][(matches.sizes["match"] + 1) // 2 - 1])
    assert float(kept["score"].min()) >= worst


@pytest.mark.parametrize(
    "limits", [{"min_score": 1.5}, {"min_score": float("nan")}, {"max_matches": 0}]
)
def test_limits_are_checked(cells: xr.Dataset, limits: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(iter(limits))):
        select_matches(cells, **limits)
