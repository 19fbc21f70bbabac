import csv
import json
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from descr.applications.search import Index, neighbour_rows
from descr.descriptors import SIFT, Basis, FeatureStore

CSV = ["source", "target", "score", "agreement", "scale", "angle", "reflected"]


@pytest.fixture
def index(folder: Path, unrelated: Path) -> Index:
    """Of a.png, b.png that shows nearly the same, and another picture."""
    store = FeatureStore("features", SIFT(size=96))
    store.extract(["a.png", "b.png", unrelated])
    return Index.build("i.index", store, basis=Basis.fit(store, components=16))


def _table(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pairs_and_clusters_are_those_of_the_library(descr: Any, index: Index) -> None:
    expected = index.neighbours()

    done = descr("neighbours", "i.index", "-o", "p.csv", "-o", "p.nc", "--clusters", "c.csv")

    assert done.code == 0, done.err
    (pair,) = _table("p.csv")
    assert list(pair) == CSV
    assert {pair["source"], pair["target"]} == {"a.png", "b.png"}
    assert float(pair["score"]) == pytest.approx(float(expected["score"][0]), abs=1e-5)
    clusters = [(row["image"], row["cluster"], row["images"]) for row in _table("c.csv")]
    assert clusters == [("a.png", "0", "2"), ("b.png", "0", "2"), ("c.png", "1", "1")]
    with xr.open_dataset("p.nc", engine="netcdf4") as kept:
        assert kept["target"].values.tolist() == expected["target"].values.tolist()
    assert not Path("p.csv.journal").exists()
    lines = [line.split() for line in done.out.splitlines()]
    assert ["pairs", "1"] in lines
    assert ["alone", "1"] in lines


def test_json_holds_both(descr: Any, index: Index) -> None:
    document = json.loads(descr("neighbours", "i.index", "--json").out)

    assert document["pairs"] == neighbour_rows(index.neighbours(), "pair")
    assert [row["cluster"] for row in document["clusters"]] == [0, 0, 1]
    assert (document["images"], document["alone"]) == (3, 1)


def test_a_limit_leaves_pairs_out(descr: Any, index: Index) -> None:
    done = descr("neighbours", "i.index", "--min-score", "1", "--json")
    assert json.loads(done.out)["pairs"] == []


def test_a_run_that_is_stopped_is_gone_on_with(
    descr: Any, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = descr("neighbours", "i.index", "-o", "whole.csv")
    hit, calls = type(index._lookup).hit, []

    def stopped(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return hit(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(type(index._lookup), "hit", stopped)
        done = descr("neighbours", "i.index", "-o", "p.csv")
    assert done.code == 130
    assert "p.csv.journal: the same command goes on from there" in done.err
    assert not Path("p.csv").exists()
    assert descr("neighbours", "i.index", "-o", "p.csv").code == whole.code == 0
    assert Path("p.csv").read_text() == Path("whole.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gone",), ("gone is not a folder",)),
        ((".",), (". is no index",)),
        (("i.index", "--min-score", "2"), ("--min-score must be from 0 to 1",)),
        (("i.index", "-o", "p.png"), ("p.png", ".csv (pairs)")),
        (("i.index", "--top", "0"), ("--top", "at least 1")),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    descr: Any, index: Index, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    descr("neighbours", *arguments).refused(*words)
