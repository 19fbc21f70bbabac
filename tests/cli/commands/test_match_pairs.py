import csv
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descr.cli.commands.match import Match
from descr.descriptors import SIFT, FeatureStore

FAST = ("--set", "size=96")
RUN = ("match", "--pairs", "pairs.csv", *FAST)


def _write(rows: Sequence[Sequence[str]], header: Sequence[str] = ("source", "target")) -> None:
    with Path("pairs.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows] if header else rows)


def _read(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def pairs(folder: Path, unrelated: Path) -> list[tuple[str, str]]:
    rows = [("a.png", "b.png"), ("a.png", unrelated.name)]
    _write(rows)
    return rows


def test_a_row_says_of_a_pair_what_the_match_of_one_pair_says(descr: Any, pairs: Any) -> None:
    how = ("--verify", "affine", "--min-score", "0.8")
    done = descr(*RUN, *how, "-o", "r.csv", "-o", "r.json", "--matches", "m")

    assert done.code == 0, done.err
    rows = _read("r.csv")
    assert [(row["source"], row["target"]) for row in rows] == pairs
    assert [row["doubtful"] for row in rows] == ["False", "True"]
    assert all(line.startswith(("descriptor: ", "memory: ")) for line in done.err.splitlines())
    one = json.loads(descr("match", "a.png", "b.png", *FAST, *how, "--json").out)
    descr("match", "a.png", "b.png", *FAST, *how, "-o", "one.csv")
    row = json.loads(Path("r.json").read_text())["pairs"][0]
    scores = [match["score"] for match in one["matches"]]
    assert row["matches"] == one["verification"]["matches"]
    assert row["inliers"] == one["verification"]["inliers"] == one["kept"]
    assert row["mean_score"] == pytest.approx(np.mean(scores), abs=1e-5)
    assert row["coherent"] == one["agreement"]["coherent"]
    assert Path("m", row["file"]).read_text() == Path("one.csv").read_text()


def test_each_image_is_described_once(descr: Any, pairs: Any, monkeypatch: Any) -> None:
    extracted: list[str] = []
    attempts = SIFT.attempts

    def counted(self: SIFT, images: Any) -> Any:
        def named() -> Any:
            for image in images:
                extracted.append(image.name)
                yield image

        return attempts(self, named())

    monkeypatch.setattr(SIFT, "attempts", counted)
    assert descr(*RUN, "--features", "f", "-o", "r.csv").code == 0
    assert sorted(extracted) == ["a.png", "b.png", "c.png"]
    assert descr(*RUN, "--features", "f", "-o", "s.csv").code == 0
    assert len(extracted) == 3
    assert descr(*RUN, "-o", "t.csv").code == 0
    times = {"seconds": None}
    kept, other = ([row | times for row in _read(name)] for name in ("r.csv", "t.csv"))
    assert kept == other


def test_a_page_holds_the_pictures_and_escapes_names(descr: Any, folder: Path) -> None:
    shutil.copy("a.png", "<b>&.png")
    _write([("<b>&.png", "b.png"), ("b.png", "a.png")])

    assert descr(*RUN, "-o", "r.html").code == 0

    page = Path("r.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 2
    assert "&lt;b&gt;&amp;.png" in page
    assert "<b>" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def _calls(monkeypatch: pytest.MonkeyPatch, stop: int = -1) -> list[str]:
    """The pairs that are matched; the one of this number is interrupted."""
    calls: list[str] = []
    match = Match.match

    def counted(self: Match, *arguments: Any, **masks: Any) -> Any:
        calls.append(f"{self.a} {self.b}")
        if len(calls) == stop:
            raise KeyboardInterrupt
        return match(self, *arguments, **masks)

    monkeypatch.setattr(Match, "match", counted)
    return calls


def test_a_run_that_is_stopped_goes_on_where_it_ended(
    descr: Any, pairs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _calls(patch, stop=2)
        done = descr(*RUN, "-o", "r.csv")
    assert done.code == 130
    assert "r.csv.journal: the same command goes on from there" in done.err
    calls = _calls(monkeypatch)

    assert descr(*RUN, "-o", "r.csv").code == 0
    assert calls == ["a.png c.png"]
    assert len(_read("r.csv")) == 2

    _write([*pairs, ("b.png", "c.png")])
    assert "kept     2" in descr(*RUN, "-o", "r.csv").out
    assert calls[1:] == ["b.png c.png"]

    shutil.copy("a.png", "c.png")
    descr(*RUN, "-o", "r.csv")
    assert calls[2:] == ["a.png c.png", "b.png c.png"]

    done = descr(*RUN, "-o", "r.csv", "--min-score", "0.9")
    assert "other settings than before, beginning anew" in done.err
    assert len(calls) == 7


def test_a_page_wants_pictures_that_a_table_did_not(descr: Any, pairs: Any) -> None:
    descr(*RUN, "-o", "r.csv")
    Path("r.csv.journal").rename("r.html.journal")
    assert descr(*RUN, "-o", "r.html").code == 0
    assert Path("r.html").read_text().count("data:image/jpeg") == 2


def test_rows_that_are_wrong_are_a_line_each_and_the_others_go_on(descr: Any, folder: Path) -> None:
    Path("broken.png").write_bytes(b"no image")
    _write(
        [
            ("a.png", "gone.png"),
            ("a.png", "b.png"),
            ("a.png", "./a.png"),
            ("a.png",),
            ("broken.png", "b.png"),
            ("a.png", ""),
        ]
    )

    done = descr(*RUN, "-o", "r.csv")

    assert done.code == 2
    assert [line.split(":")[1].strip() for line in done.errors] == [
        f"pairs.csv line {line}" for line in (2, 4, 5, 6, 7)
    ]
    for line, words in zip(
        done.errors,
        ("no such file: gone.png", "same image", "1 values in 2", "broken.png", "is missing"),
        strict=True,
    ):
        assert words in line
    rows = _read("r.csv")
    assert [bool(row["error"]) for row in rows] == [True, False, True, True, True, True]
    assert int(rows[1]["matches"]) > 0


def test_feature_files_stand_for_images_and_folders_are_searched(descr: Any, folder: Path) -> None:
    FeatureStore("f", SIFT(size=96)).extract(["a.png", "b.png"])
    _write([("a.png", "b.png")])
    expected = _read_rows(descr(*RUN, "--json").out)
    Path("deep").mkdir()
    shutil.move("pairs.csv", "deep/pairs.csv")
    run = ("match", "--pairs", "deep/pairs.csv", "--json")

    for how in (("--images", "f"), ("--images", ".", *FAST)):
        rows = _read_rows(descr(*run, *how).out)
        assert rows[0]["matches"] == pytest.approx(expected[0]["matches"], rel=0.05)
    assert descr(*run, "--images", ".", *FAST, "-o", "r.html").code == 0


def _read_rows(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(text)["rows"]
    return rows


def test_without_a_file_the_table_is_printed(descr: Any, pairs: Any) -> None:
    done = descr(*RUN)
    assert "mean_score" in done.out
    assert done.out.count("a.png") >= 2
    assert not list(Path().glob("*.journal"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("pairs.csv holds no pair", "source,target")),
        ("source,target\n", ("holds no pair",)),
        (None, ("no such file: pairs.csv",)),
    ],
)
def test_a_file_without_pairs_is_refused(
    descr: Any, folder: Path, text: str | None, words: tuple[str, ...]
) -> None:
    if text is not None:
        Path("pairs.csv").write_text(text)
    descr(*RUN).refused(*words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--min-score", "2"), ("--min-score",)),
        (("-o", "r.png"), ("r.png", ".html")),
        (("--features", "a.png"), ("--features a.png is not a folder",)),
        (("--rejected",), ("--rejected",)),
        (("--points", "1,2"), ("no such option: --points",)),
    ],
)
def test_options_that_are_wrong_are_refused(
    descr: Any, pairs: Any, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    descr("match", "--pairs", "pairs.csv", *options).refused(*words)


def test_both_forms_have_their_own_help(descr: Any) -> None:
    assert "descr match [OPTIONS] A B" in descr("match", "--help").out
    many = descr("match", "--pairs", "x.csv", "--help").out
    assert "--features FOLDER" in many
    assert "--points" not in many
    assert "match --pairs " not in descr("--help").out
