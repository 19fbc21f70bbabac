import json
from pathlib import Path
from typing import Any

import pytest
from support.datasets.spair import change_unseen, make_spair
from support.models import make_cache


@pytest.fixture
def spair(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small data set, and a cache with tiny models in the place of DINOv2 and SD 1.5."""
    make_spair(folder / "spair", images=3, side=96, categories=("cat",))
    monkeypatch.setenv("HF_HUB_CACHE", str(make_cache(folder / "hub")))
    monkeypatch.setenv("COLUMNS", "160")
    return Path("spair")


def test_rows_are_printed_beside_what_was_published(descr: Any, spair: Path) -> None:
    row = ("reproduce", "spair-71k", spair, "--only", "tale-dinov2", "--sample", "2")
    done = descr(*row, "-o", "rows.json", "-o", "rows.md")
    assert done.code == 0, done.err
    assert done.out.startswith("The rows of the papers on spair-71k, 2 of 6 pairs\n")
    lines = [line.split() for line in done.out.splitlines() if line.startswith("tale-dinov2  PCK")]
    assert [line[1:3] for line in lines] == [
        ["PCK@0.10", "per-point"],
        ["PCK@0.01", "per-image"],
        ["PCK@0.05", "per-image"],
        ["PCK@0.10", "per-image"],
    ]
    assert [line[7] for line in lines] == ["55.6", "6.3", "38.4", "53.9"]
    document = json.loads(Path("rows.json").read_text())
    (written,) = document["rows"]
    assert written["report"]["counts"]["extracted"] == 3
    assert "## tale-dinov2" in Path("rows.md").read_text()
    again = descr(*row, "--json")
    (told,) = json.loads(again.out)["rows"]
    assert told["report"]["counts"]["kept"] == written["report"]["counts"]["extracted"]
    assert told["numbers"] == written["numbers"]
    change_unseen(spair / "JPEGImages/cat")
    redone = [
        json.loads(descr(*row, "--json", *more).out)["rows"][0]["report"]["counts"]["redone"]
        for more in ((), ("--verify",))
    ]
    assert redone == [0, 1]


def test_a_row_is_what_evaluate_gives_for_its_recipe(descr: Any, spair: Path) -> None:
    some = ("--sample", "2", "--json")
    evaluated = descr("evaluate", "spair-71k", spair, "--recipe", "tale-dinov2", *some)
    reproduced = descr("reproduce", "spair-71k", spair, "--only", "tale-dinov2", *some)
    report = json.loads(evaluated.out)
    (row,) = json.loads(reproduced.out)["rows"]
    same = set(report) - {"pairs", "counts", "created", "seconds"}
    assert {name: row["report"][name] for name in same} == {name: report[name] for name in same}
    # The answers were there.
    assert len(list(Path("descr-evaluation").glob("*.journal"))) == 1


def test_rows_without_weights_are_named_and_the_code_tells(
    descr: Any, spair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path("hub") / "models--stable-diffusion-v1-5--stable-diffusion-v1-5").rename("gone")
    only = ("--only", "tale-sd", "--only", "tale-dinov2")
    done = descr("reproduce", "spair-71k", spair, *only, "--sample", "2", "-o", "rows.json")
    assert done.code == 2
    assert "55.6" in done.out
    assert done.errors == ["error: tale-sd: the weights of 'sd-1.5' are not on this machine"]
    assert "descr models pull sd-1.5" in done.hints[0]
    assert "not run: the weights of 'sd-1.5' are not on this machine" in done.out
    assert [set(row) for row in json.loads(Path("rows.json").read_text())["rows"]] == [
        {"recipe", "source", "numbers", "report"},
        {"recipe", "source", "error", "hint"},
    ]


def test_a_dry_run_says_what_is_needed_and_leaves_nothing(
    descr: Any, spair: Path, contents: Any
) -> None:
    (Path("hub") / "models--facebook--dinov2-base").rename("gone")
    before = contents()
    done = descr("reproduce", "spair-71k", spair, "--dry-run")
    assert done.code == 0, done.err
    assert "dinov2-base (missing, 0.3 GB)" in done.out
    assert "sd-1.5, dinov2-base (missing" in done.out
    assert "networks at 10 TFLOP/s" in done.out
    assert contents() == before
    as_json = descr("reproduce", "spair-71k", spair, "--dry-run", "--json")
    assert json.loads(as_json.out)["dry_run"] is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("spair-71", "spair"), ("no row of a paper on 'spair-71'",)),
        (("pf-willow", "spair"), ("no row of a paper", "descr evaluate")),
        (("spair-71k", "nowhere"), ("nowhere does not exist",)),
        (("spair-71k", "spair", "--only", "tael"), ("did you mean 'tale'",)),
        (("tss", "spair", "--only", "dift"), ("dift is no row", "tale-dinov2")),
        (("spair-71k", "spair", "-o", "a.nc"), (".json", ".md")),
        (("spair-71k", "spair", "--features", "a.png"), ("a.png is not a folder",)),
        (("spair-71k", "spair", "--sample", "99"), ("there are",)),
        (("spair-71k", "spair", "--device", "gpu"), ("gpu",)),
    ],
)
def test_what_is_wrong_is_said(
    descr: Any, spair: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = descr("reproduce", *arguments)
    assert done.code == 2, done.err
    assert done.out == ""
    assert len(done.errors) == 1, done.err
    for word in words:
        assert word in done.err
    assert not Path("descr-evaluation").exists()
