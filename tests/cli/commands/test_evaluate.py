import json
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descr.applications.evaluation import RECIPES, load_predictions, open_dataset, predict
from descr.cli.options import names
from descr.descriptors import SIFT
from support.datasets.proposal_flow import make_pf_pascal
from support.datasets.spair import change_unseen, make_spair
from support.datasets.tss import make_tss
from support.models import DINOV2, STABLE_DIFFUSION
from support.signals import started

FAST = ("--descriptor", "sift", "--set", "size=96", "--set", "step=4")


@pytest.fixture
def spair(folder: Path) -> Path:
    make_spair(folder / "spair", images=4, side=96, categories=("cat", "dog"))
    return Path("spair")


def test_the_numbers_are_printed_beside_those_published(descr: Any, spair: Path) -> None:
    done = descr("evaluate", "spair-71k", spair, *FAST, "-o", "a.json", "-o", "a.md", "-o", "a.nc")
    assert done.code == 0, done.err
    assert done.out.startswith("spair-71k test | PCK@0.01/0.05/0.10 | bbox | per-point | <\n")
    for words in ("per-class", "keypoint-weighted", "64.0", "8 extracted, 0 kept", "a.json"):
        assert words in done.out, words
    report = json.loads(Path("a.json").read_text())
    assert f"{100 * report['numbers'][2]['value']:.1f}" in done.out
    assert Path("a.md").read_text().startswith("# SPair-71k\n")
    predictions = load_predictions("a.nc")
    assert len(report["pairs"]["name"]) == predictions.sizes["pair"] == 24
    wanted = predict(
        open_dataset("spair-71k", spair), SIFT(size=96, step=4), folder=Path("library")
    )
    np.testing.assert_array_equal(predictions["target_x"], wanted["target_x"])

    again = descr("evaluate", "spair-71k", spair, *FAST, "--json")
    assert again.out.count("\n}") == 1
    document = json.loads(again.out)
    assert document["counts"]["kept"] == 8
    assert document["numbers"] == report["numbers"]


def test_what_has_not_changed_by_size_and_time_is_read_on_request(descr: Any, spair: Path) -> None:
    run = ("evaluate", "spair-71k", spair, *FAST, "--category", "cat", "--json")
    assert descr(*run).code == 0
    change_unseen(spair / "JPEGImages/cat")
    assert json.loads(descr(*run).out)["counts"]["kept"] == 4
    done = descr(*run, "--verify")
    assert done.code == 0, done.err
    counts = json.loads(done.out)["counts"]
    assert (counts["kept"], counts["redone"]) == (3, 1)


def test_a_basis(descr: Any, spair: Path) -> None:
    run = ("evaluate", "spair-71k", spair, *FAST, "--category", "cat", "-o", "a.json")
    assert descr(*run).code == 0
    features = next(Path("descr-evaluation/features/spair-71k").iterdir())
    done = descr("basis", "fit", features, "-o", "b.nc", "--components", "8")
    assert done.code == 0, done.err
    done = descr(*run, "--basis", "b.nc")
    assert done.code == 0, done.err
    report = json.loads(Path("a.json").read_text())
    assert len(report["basis"]) == 64
    assert (report["counts"]["kept"], report["counts"]["extracted"]) == (4, 0)
    assert report["basis"] in done.out
    descr(*run, "--basis", "none.nc").refused("no such file: none.nc")
    descr(*run, "-o", "b.nc", "--basis", "b.nc").refused("b.nc would overwrite an input")
    descr(*run, "--set", "scales=1,0.5", "--basis", "b.nc").refused("basis")


def test_some_of_the_pairs(descr: Any, spair: Path) -> None:
    done = descr(
        "evaluate", "spair-71k", spair, *FAST, "--category", "dog", "--sample", "5", "--seed", "2",
        "--threads", "2", "--matcher", "soft-argmax", "--matcher-set", "window=3",
        "--interpolation", "bilinear", "--dataset-set", "layout=large", "--json",
    )  # fmt: skip
    document = json.loads(done.out)
    assert set(document["pairs"]["category"]) == {"dog"}
    assert len(document["pairs"]["name"]) == 5
    assert document["settings"]["interpolation"] == "bilinear"
    assert "window=3" in document["matcher"]
    assert (document["settings"]["sample"], document["settings"]["seed"]) == (5, 2)


def test_a_flow(descr: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tss(folder / "tss", side=96)
    monkeypatch.setenv("COLUMNS", "160")
    done = descr("evaluate", "tss", "tss", *FAST, "--category", "JODS")
    assert done.code == 0, done.err
    assert "end-point error" in done.out
    assert "JODS flow PCK@0.05 as above" in done.out
    assert "Published, for the whole data set" in done.out


def test_the_recipe_says_how_the_data_set_is_read_unless_it_is_said_otherwise(
    descr: Any, folder: Path
) -> None:
    make_tss(folder / "tss", side=96)
    tiny = ("--set", f"model={DINOV2}", "--set", "size=56", "--category", "JODS", "--json")
    for options, pad in (((), True), (("--dataset-set", "pad=no"), False)):
        done = descr("evaluate", "tss", "tss", "--recipe", "tale-dinov2", *options, *tiny)
        assert done.code == 0, done.err
        assert json.loads(done.out)["dataset"]["settings"]["pad"] is pad


def test_the_row_of_the_paper_from_one_word(descr: Any, spair: Path) -> None:
    tiny = (
        "sd.size=64",
        "dinov2.size=56",
        f"sd.model={STABLE_DIFFUSION}",
        f"dinov2.model={DINOV2}",
    )
    settings = [part for pair in tiny for part in ("--set", pair)]
    done = descr(
        "evaluate", "spair-71k", spair, "--recipe", "tale", "--sample", "3", *settings, "--json"
    )
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["recipe"]["name"] == "tale"
    assert document["settings"]["interpolation"] == "nearest"
    assert document["matcher"].startswith("NearestNeighbor(")
    assert {layer["layer"].partition("/")[0] for layer in document["layers"]} == {
        "stable_diffusion",
        "dinov2",
    }
    assert [layer["components"] for layer in document["layers"]].count(256) == 3
    assert all(layer["revision"] for layer in document["layers"])
    assert document["settings"]["points"] == "original"
    assert "padding" in document["note"]
    assert "sd.size=64, dinov2.size=56, sd.model=local, dinov2.model=local" in document["note"]
    assert str(STABLE_DIFFUSION.parent) not in done.out
    assert {row["method"] for row in document["published"]} == {"SD 1.5 + DINOv2-B/14"}


def test_points_as_in_a_paper_or_not(descr: Any, spair: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    options = ("evaluate", "spair-71k", spair, *FAST, "--set", "fit=pad", "--sample", "4")
    done = descr(*options, "--points", "original", "-o", "a.md", "-o", "a.json")
    assert done.code == 0, done.err
    assert "reading     original: cell int(p / 14)" in done.out
    assert "| reading | original: cell int(p / 14)" in Path("a.md").read_text()
    assert json.loads(Path("a.json").read_text())["settings"]["points"] == "original"
    assert "reading        half-pixel:" in descr(*options).out
    # The points of the recipe can be left for others, which the report says.
    tiny = ("--recipe", "tale-dinov2", "--set", f"model={DINOV2}", "--set", "size=56")
    done = descr(
        "evaluate", "spair-71k", spair, *tiny, "--sample", "3", "--points", "half-pixel", "--json"
    )
    document = json.loads(done.out)
    assert document["settings"]["points"] == "half-pixel"
    assert "points=half-pixel" in document["note"]


def test_a_recipe_reads_a_data_set_as_its_paper_does(descr: Any, folder: Path) -> None:
    make_tss(Path("tss"), side=96)
    make_pf_pascal(Path("pf"))
    tiny = ("--recipe", "tale-dinov2", "--set", f"model={DINOV2}", "--set", "size=56", "--json")
    flow = json.loads(descr("evaluate", "tss", "tss", *tiny).out)
    assert flow["settings"]["points"] == "half-pixel"
    document = json.loads(descr("evaluate", "pf-pascal", "pf", *tiny).out)
    assert document["dataset"]["settings"]["first_pixel"] == 0
    assert document["protocol"]["average"] == "pair-weighted"
    own = descr("evaluate", "pf-pascal", "pf", *tiny, "--dataset-set", "first_pixel=1")
    assert json.loads(own.out)["dataset"]["settings"]["first_pixel"] == 1


def test_classes_of_ones_own(descr: Any, spair: Path) -> None:
    Path("mine.py").write_text(
        "from descr.descriptors import SIFT\n"
        "from descr.matchers import NearestNeighbor\n"
        "class Mine(SIFT):\n"
        "    pass\n"
        "class Match(NearestNeighbor):\n"
        "    pass\n"
        "class Broken(NearestNeighbor):\n"
        "    def match(self, query, source, target):\n"
        "        return query.nothing\n"
        "class Faulty(SIFT):\n"
        "    def forward(self, pixels):\n"
        "        return pixels.no_features\n"
    )
    own = ("--descriptor", "mine:Mine", "--set", "size=96")
    done = descr("evaluate", "spair-71k", spair, *own, "--matcher", "mine:Match", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["descriptor"].startswith("Mine(")
    done = descr("evaluate", "spair-71k", spair, *own, "--matcher", "mine:Broken")
    done.refused("the matcher 'mine:Broken' failed", "nothing")
    done = descr("evaluate", "spair-71k", spair, "--descriptor", "mine:Faulty", "--set", "size=96")
    done.refused("the descriptor 'mine:Faulty' failed", "no_features")


def test_a_data_set_of_ones_own(descr: Any, spair: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "writing-a-data-set.md").read_text()
    (example,) = (block for block in page.split("```") if "class Views(Dataset)" in block)
    Path("views.py").write_text(
        example.removeprefix("python")
        + "class Broken(Views):\n    def _read(self, entry):\n        return self.nothing\n"
        + "class Unlisted(Views):\n    def _list(self):\n        yield self.nothing\n"
        + "class Unfinished(Dataset):\n    pass\n"
    )
    Path("pairs").mkdir()
    for index, side in enumerate(("left", "right")):
        Path(f"pairs/a-{side}.jpg").write_bytes(sorted(spair.rglob("*.jpg"))[index].read_bytes())
    Path("pairs/a.csv").write_text("10,12,20,22\n")
    done = descr("evaluate", "views:Views", "pairs", *FAST)
    assert done.code == 0, done.err
    assert "Views | PCK@0.01/0.05/0.10 | image" in done.out
    for name, message in {
        "Broken": "the data set 'views:Broken' failed: AttributeError",
        "Unlisted": "the data set 'views:Unlisted' can't be listed: AttributeError",
        "Unfinished": "'views:Unfinished' is an unfinished data set: it lacks _list and _read",
    }.items():
        descr("evaluate", f"views:{name}", "pairs", *FAST).refused(message)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("takes a data set", "spair-71k")),
        (("spair-71k",), ("takes a data set",)),
        (("spair-71k", "nowhere"), ("nowhere does not exist", "postech")),
        (("spair-71", "spair"), ("did you mean 'spair-71k'",)),
        (("spair-71k", "spair", "--split", "tset"), ("split must be one of trn, val, test",)),
        (("spair-71k", "spair", "--category", "cta"), ("cta", "did you mean 'cat'")),
        (("spair-71k", "spair", "--recipe", "tall"), ("did you mean 'tale'", "geoaware")),
        (
            ("spair-71k", "spair", "--recipe", "tale", "--matcher", "mutual"),
            ("exclude each other",),
        ),
        (("spair-71k", "spair", "--matcher", "nearby"), ("unknown matcher",)),
        (("spair-71k", "spair", "--accept-mirrored-parts"), ("--align-pose",)),
        (
            ("spair-71k", "spair", "--recipe", "tale", "--accept-mirrored-parts"),
            ("nothing to do without",),
        ),
        (("spair-71k", "spair", "--interpolation", "cubic"), ("bilinear, nearest",)),
        (("spair-71k", "spair", "--points", "whole"), ("half-pixel", "geoaware")),
        (
            ("spair-71k", "spair", "--points", "original", "--interpolation", "bilinear"),
            ("holds the point",),
        ),
        (("spair-71k", "spair", "--points", "dift", "--matcher", "mutual"), ("best pixel",)),
        (("spair-71k", "spair", "--sample", "25"), ("there are 24 pairs",)),
        (("spair-71k", "spair", "--folder", "a.png"), ("a.png is not a folder",)),
        (("spair-71k", "spair", "--dataset-set", "lay=large"), ("layout",)),
        (("spair-71k", "spair", "--dataset-set", "root=x"), ("the root, which ROOT gives",)),
        (
            ("spair-71k", "spair", "--split", "test", "--dataset-set", "split=val"),
            ("the split, which --split gives",),
        ),
        (("spair-71k", "spair", "-o", "a.csv"), (".json", ".md", ".nc")),
        (("spair-71k", "spair", "--compare", "a.json", "b.json"), ("no data set",)),
        (("--compare", "a.json", "b.json"), ("no such file: a.json",)),
        (("--compare", "a.json", "b.json", "-o", "a.nc"), (".md",)),
        (("davis-2017", "spair"), ("has no folder",)),
    ],
)
def test_what_is_wrong_is_said(
    descr: Any, spair: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = descr("evaluate", *arguments, *(() if "--compare" in arguments else FAST[2:]))
    done.refused(*words)
    assert not Path("descr-evaluation").exists()


def test_mirrored_parts_are_accepted_where_the_recipe_aligns_poses(descr: Any, spair: Path) -> None:
    done = descr("evaluate", "spair-71k", spair, "--recipe", "geoaware", "--accept-mirrored-parts")
    # All that is missing is the weights.
    done.refused("descr models pull")


def test_a_half_copied_data_set_is_told(descr: Any, spair: Path) -> None:
    for path in (spair / "JPEGImages" / "dog").iterdir():
        path.unlink()
    done = descr("evaluate", "spair-71k", spair, *FAST)
    done.refused("4 in JPEGImages/dog", "postech")


def test_two_reports_side_by_side(descr: Any, spair: Path) -> None:
    descr("evaluate", "spair-71k", spair, *FAST, "-o", "a.json")
    descr("evaluate", "spair-71k", spair, *FAST, "--matcher", "mutual", "-o", "b.json")
    done = descr("evaluate", "--compare", "a.json", "b.json", "-o", "c.md", "-o", "c.json")
    assert done.code == 0, done.err
    assert "95% interval" in done.out
    assert "24 in common" in done.out
    assert "MutualNearestNeighbor" in done.out
    assert "## PCK@0.10 by category" in Path("c.md").read_text()
    as_json = descr("evaluate", "--compare", "a.json", "b.json", "--json")
    assert json.loads(as_json.out) == json.loads(Path("c.json").read_text())
    refused = descr("evaluate", "--compare", "a.json", "b.json", "-o", "a.json")
    refused.refused("would overwrite an input")


SLOW = """
import time
from descr.matchers import NearestNeighbor

class Slow(NearestNeighbor):
    uses_source = True

    def __init__(self, *, pause=0.0, most=1000):
        super().__init__()
        self.pause, self.most = pause, most
        self.left = most

    def __repr__(self):
        return "Slow()"

    def match(self, query, source, target):
        time.sleep(self.pause)
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().match(query, source, target)
"""


def test_a_run_that_is_killed_goes_on_and_gives_the_same(descr: Any, spair: Path) -> None:
    Path("slow.py").write_text(SLOW)
    whole = descr("evaluate", "spair-71k", spair, *FAST, "--json")
    options = ["evaluate", "spair-71k", "spair", *FAST, "--matcher", "slow:Slow", "--threads", "2"]
    command = [sys.executable, "-m", "descr.cli", *options, "--matcher-set", "pause=0.1"]
    before = set(Path("descr-evaluation").glob("*.journal"))
    with started(command) as running:
        deadline = time.monotonic() + 60
        size = 0
        while size < 2500 and time.monotonic() < deadline:
            time.sleep(0.01)
            new = set(Path("descr-evaluation").glob("*.journal")) - before
            size = max((path.stat().st_size for path in new), default=0)
        running.kill()
        running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    assert size >= 2500
    done = descr(*options, "--json")
    assert done.code == 0, done.err
    assert "anew" not in done.err
    first, second = json.loads(whole.out), json.loads(done.out)
    assert second["counts"]["kept"] == 8
    assert first["pairs"] == second["pairs"]
    assert first["numbers"] == second["numbers"]


def test_workers_extract_and_match(
    descr: Any, spair: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("descr.descriptors.open_cluster", lambda *_, **__: nullcontext(client))
    options = ("evaluate", "spair-71k", spair, *FAST, "--align-pose", "--json", "--folder")
    runs = [descr(*options, *more) for more in (("a",), ("b", "--workers", "2"))]
    assert [done.code for done in runs] == [0, 0], runs[1].err
    here, there = (json.loads(done.out) for done in runs)
    assert there["counts"]["extracted"] == here["counts"]["extracted"] > 0
    assert there["pairs"] == here["pairs"]


def test_an_interrupted_run_says_how_to_go_on(descr: Any, spair: Path) -> None:
    Path("slow.py").write_text(SLOW)
    options = ("evaluate", "spair-71k", spair, *FAST, "--matcher", "slow:Slow", "--threads", "1")
    done = descr(*options, "--matcher-set", "most=20", "-o", "a.json")
    assert done.code == 130
    assert done.out == ""
    assert "kept in descr-evaluation: the same command goes on from there" in done.err
    assert not Path("a.json").exists()
    # Four of the 24 were left, two of which have no common point.
    assert descr(*options, "--matcher-set", "most=2", "-o", "a.json").code == 0


def test_the_names_of_the_shell_are_those_of_the_library() -> None:
    assert names.complete_recipe("") == list(RECIPES)
    assert "tss" in names.complete_dataset("t")
    assert names.complete_recipe("tale-") == ["tale-text", "tale-sd", "tale-dinov2"]


# Eight files of features come first, then the journal, the predictions and the report.
@pytest.mark.parametrize(
    ("room", "file"), [(0, ".jpg.nc"), (3, ".jpg.nc"), (8, ".journal"), (9, ".nc"), (10, "a.json")]
)
def test_a_disk_that_is_full_on_the_way_keeps_what_is_done(
    descr: Any, spair: Path, full_disk: Any, room: int, file: str
) -> None:
    command = ("evaluate", "spair-71k", spair, *FAST, "-o", "a.json")
    with full_disk(room):
        done = descr(*command)
    done.refused(f"{file}: can't be written: the disk is full", "make room")
    assert not Path("a.json").exists()
    assert not list(Path().rglob(".descr-*"))
    again = descr(*command)
    assert again.code == 0, again.err
    assert f"{8 - min(room, 8)} extracted, {min(room, 8)} kept" in again.out
    descr(*command[:-1], "b.json", "--folder", "undisturbed")
    ours, theirs = (json.loads(Path(name).read_text()) for name in ("a.json", "b.json"))
    assert ours["numbers"] == theirs["numbers"]
    assert ours["pairs"] == theirs["pairs"]
