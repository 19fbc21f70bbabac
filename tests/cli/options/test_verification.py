"""`descr match --verify` and `--margin`: what is kept, what is told, and what is refused."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications.verification import Homography
from descr.descriptors import SIFT
from descr.matchers import MutualNearestNeighbor, to_matches

PAIR = ("match", "a.png", "b.png", "--set", "size=192", "--set", "step=4")
COLUMNS = ["source_x", "source_y", "target_x", "target_y", "score"]
OUTPUTS = ("-o", "m.csv", "-o", "m.json", "-o", "m.nc", "-o", "m.png")


@pytest.fixture
def expected(folder: Path) -> xr.Dataset:
    return Homography()(MutualNearestNeighbor()(*SIFT(size=192, step=4)("a.png", "b.png")))


def read_csv(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_matches_that_agree_are_kept_in_every_form(descr: Any, expected: xr.Dataset) -> None:
    done = descr(*PAIR, "--verify", "homography", *OUTPUTS)
    assert done.code == 0, done.err
    inliers, matched = int(expected["inlier"].sum()), int(expected["matched"].sum())
    assert 300 < inliers < matched
    facts = [line.split() for line in done.out.splitlines()]
    assert ["homography", *expected.attrs["verification"].split()] in facts
    first = facts.index(next(line for line in facts if line[:1] == ["model"]))
    printed = [facts[first][1:], *facts[first + 1 : first + 3]]
    np.testing.assert_allclose(np.array(printed, float), expected["model"], rtol=1e-5, atol=1e-5)
    rows, document = read_csv("m.csv"), json.loads(Path("m.json").read_text())
    assert list(rows[0]) == list(document["matches"][0]) == COLUMNS
    assert len(rows) == len(document["matches"]) == document["kept"] == inliers
    assert document["matched"] == matched
    assert document["verification"] == {
        "name": "homography",
        "settings": {"threshold": None, "confidence": 0.999, "iterations": 10_000, "seed": 0},
        "matches": matched,
        "inliers": inliers,
        "model": expected["model"].values.tolist(),
    }
    with xr.open_dataset("m.nc") as result:
        np.testing.assert_array_equal(result["matched"], expected["inlier"])
        np.testing.assert_array_equal(result["model"], expected["model"])
        assert result.attrs["verification"] == expected.attrs["verification"]
        assert "inlier" not in result
    # What lies at x in a lies at x - 8 in b.
    np.testing.assert_allclose(expected["model"], [[1, 0, -8], [0, 1, 0], [0, 0, 1]], atol=0.5)


def test_rejected_ones_are_kept_on_request_and_told_apart(descr: Any, expected: xr.Dataset) -> None:
    plain = ("--verify", "homography", "-o", "plain.png")
    assert descr(*PAIR, *plain).code == 0
    done = descr(*PAIR, "--verify", "homography", "--rejected", *OUTPUTS, "--json")
    document, rows = json.loads(done.out), read_csv("m.csv")
    matches = to_matches(expected)
    assert document["kept"] == document["matched"] == len(rows) == matches.sizes["match"]
    assert [row["inlier"] for row in document["matches"]] == matches["inlier"].values.tolist()
    assert [row["inlier"] for row in rows] == [str(one) for one in matches["inlier"].values]
    with xr.open_dataset("m.nc") as result:
        np.testing.assert_array_equal(result["inlier"], expected["inlier"])
        np.testing.assert_array_equal(result["matched"], expected["matched"])
    assert (
        descr(*PAIR, "--verify", "homography", "--rejected").out.split("\n")[0].endswith("agrees")
    )
    grey = [
        (np.asarray(PIL.Image.open(name)) == 90).all(axis=-1).sum()
        for name in ("plain.png", "m.png")
    ]
    assert grey[1] > grey[0] + 100


def test_scores_go_before_and_the_number_after_verification(descr: Any) -> None:
    options = ("--verify", "neighbours", "--verify-set", "share=0.6")
    done = descr(*PAIR, *options, "--min-score", "0.9", "--max-matches", "20", "--json")
    document = json.loads(done.out)
    about = document["verification"]
    assert about["settings"]["share"] == 0.6
    assert about["model"] is None
    assert 20 < about["inliers"] <= about["matches"] < document["matched"]
    assert document["kept"] == len(document["matches"]) == 20
    assert min(row["score"] for row in document["matches"]) >= 0.9


def test_too_few_points_leave_nothing_and_that_is_said(descr: Any) -> None:
    points = ("--points", "60,32", "--points", "40,20", "--matcher", "nearest")
    done = descr(*PAIR, *points, "--verify", "homography", "-o", "m.csv", "-o", "m.png")
    assert done.code == 0
    assert "homography: 0 of 2 matches agree (it takes at least 4)" in done.err.splitlines()
    assert [row["target_x"] for row in read_csv("m.csv")] == ["", ""]
    done = descr(*PAIR, *points, "--verify", "homography", "--rejected", "--json", "-o", "r.png")
    rows = json.loads(done.out)["matches"]
    assert [row["inlier"] for row in rows] == [False, False]
    assert all(row["target_x"] is not None for row in rows)
    assert Path("m.png").read_bytes() == Path("r.png").read_bytes()


def test_two_margins_exclude_each_other(descr: Any) -> None:
    done = descr(*PAIR, "--margin", "2", "--matcher-set", "margin=3")
    assert done.code == 2
    assert "--margin and --matcher-set margin=... exclude each other" in done.err


def test_margins_are_told_in_every_form(descr: Any) -> None:
    done = descr(*PAIR, "--margin", "2", "-o", "m.csv", "-o", "m.nc")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split()[-1] == "margin"
    margins = [float(row["margin"]) for row in read_csv("m.csv")]
    expected = to_matches(
        MutualNearestNeighbor(margin=2)(*SIFT(size=192, step=4)("a.png", "b.png"))
    )
    np.testing.assert_allclose(margins, expected["margin"], atol=1e-5)
    document = json.loads(descr(*PAIR, "--margin", "2", "--json").out)
    assert document["median_margin"] == pytest.approx(np.median(margins), abs=1e-4)
    assert "margin=2" in document["matcher"]


def test_a_verifier_of_the_user_is_taken(descr: Any) -> None:
    Path("still_of_a_user.py").write_text(
        "from descr.applications.verification import Verdict, Verifier\n"
        "class Still(Verifier):\n"
        "    def __init__(self, *, most=9.0):\n"
        "        self.most = most\n"
        "    def verify(self, matches):\n"
        "        moved = abs(matches['target_x'] - matches['source_x'])\n"
        "        return Verdict(moved.values <= self.most / (self.most > 0))\n"
    )
    done = descr(*PAIR, "--verify", "still_of_a_user:Still", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert all(abs(row["target_x"] - row["source_x"]) <= 9 for row in document["matches"])
    assert document["verification"]["settings"] == {"most": 9.0}
    wrong = descr(*PAIR, "--verify", "still_of_a_user:Still", "--verify-set", "most=0")
    wrong.refused("the verifier 'still_of_a_user:Still' failed: ZeroDivisionError")


def test_verifiers_are_listed(descr: Any) -> None:
    listed = json.loads(descr("verifiers", "--json").out)["verifiers"]
    names = [entry["name"] for entry in listed]
    assert names == ["homography", "fundamental", "affine", "neighbours"]
    assert "How surely a better model is not missed" in descr("verifiers", "affine").out
