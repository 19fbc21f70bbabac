import base64
import json
import re
import webbrowser
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from descr.applications.explorer import MOST_IMAGES, explore
from descr.cli.commands import explore as command
from descr.descriptors import SIFT, Basis
from descr.descriptors.store import save_features
from descr.descriptors.store.maps import save_map

FAST = ("--set", "size=96", "--set", "step=8")
EXPLORE = ("explore", "a.png", "b.png", *FAST)


def test_a_page_is_what_the_library_makes(descr: Any, folder: Path) -> None:
    done = descr(*EXPLORE, "-o", "pair.html")
    assert done.code == 0, done.err
    page = explore(["a.png", "b.png"], SIFT(size=96, step=8))
    assert Path("pair.html").read_text(encoding="utf-8") == page.html
    assert "memory: about " in done.err
    assert "file: at most " in done.err
    facts = {line[:12].strip(): line[12:].strip() for line in done.out.splitlines()}
    assert facts["images"] == "a.png (96 x 64), b.png (96 x 64)"
    assert facts["cells"] == "8 x 12, 8 x 12"
    assert facts["written"] == "pair.html"
    assert "same best cell" in done.out


def test_json_holds_the_loss_and_the_size(descr: Any) -> None:
    done = descr(*EXPLORE, "-o", "pair.html", "-o", "again.htm", "--json", "--components", "20")
    document = json.loads(done.out)
    assert document["bytes"] == Path("pair.html").stat().st_size
    assert document["written"] == ["pair.html", "again.htm"]
    (loss,) = document["loss"]
    assert (loss["descriptor"], loss["components"], loss["channels"]) == ("sift", 20, 128)
    assert 0 < loss["same_cell"] <= loss["within_one_cell"] <= 1


def test_feature_files_maps_masks_and_a_matcher_are_taken(descr: Any, folder: Path) -> None:
    trees = SIFT(size=96, step=8).extract(["a.png", "b.png"])
    basis = Basis.fit(trees)
    (folder / "kept").mkdir()
    for name, tree in zip("ab", trees, strict=True):
        save_features(tree, folder / "kept" / f"{name}.nc")
        save_map(basis.transform(tree), folder / "kept" / f"{name}-map.nc")
    mask = PIL.Image.new("L", (96, 64), 255)
    mask.paste(0, (0, 0, 48, 64))
    mask.save("mask.png")
    more = ["--images", ".", "--matcher", "soft-argmax", "--matcher-set", "window=3"]
    more += ["--mask", "mask.png", "--mask", "-"]
    for end in ("", "-map"):
        done = descr("explore", f"kept/a{end}.nc", f"kept/b{end}.nc", *more, "-o", "pair.html")
        assert done.code == 0, done.err
        text = Path("pair.html").read_text(encoding="utf-8")
        (document,) = re.findall(r'id="document">(.*?)</script>', text)
        facts = json.loads(document)
        settings = {"temperature": 0.02, "window": 3, "margin": None}
        assert facts["matcher"] == {"name": "soft-argmax", **settings}
        assert [image["mask"] for image in facts["images"]] == [True, False]
        (photograph,) = re.findall(r'id="photograph-1">(.*?)</script>', text)
        assert base64.b64decode(photograph).startswith(b"\xff\xd8")


def test_the_page_is_opened(descr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)))
    done = descr(*EXPLORE, "-o", "pair.html", "--open")
    assert opened == [Path("pair.html").resolve().as_uri()]
    assert "no browser to open pair.html in" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png", "-o", "x.html"], ["2 to 12 images, not 1"]),
        (["a.png"] * 13 + ["-o", "x.html"], ["2 to 12 images, not 13"]),
        (["a.png", "b.png"], ["no file for the page", "-o FILE.html"]),
        (["a.png", "b.png", "-o", "x.png"], ["'.png' means nothing", ".html"]),
        (["a.png", "b.png", "-o", "x.html", "--mask", "a.png"], ["given 1 time for 2 images"]),
        (["a.png", "b.png", "-o", "x.html", "--matcher-set", "window=1"], ["needs --matcher"]),
        (["a.png", "b.png", "-o", "none/x.html"], ["none does not exist"]),
        (["a.png", "c.png", "-o", "x.html"], ["no such file: c.png"]),
        (["a.png", "b.png", "-o", "x.html", "--components", "0"], ["--components"]),
    ],
)
def test_wrong_input_is_one_line(descr: Any, arguments: list[str], words: list[str]) -> None:
    descr("explore", *arguments).refused(*words)
    assert not Path("x.html").exists()


def test_a_matcher_of_ones_own_and_lost_photographs_are_refused(descr: Any, folder: Path) -> None:
    (folder / "own.py").write_text(
        "from descr.matchers import NearestNeighbor\n\n\nclass Own(NearestNeighbor):\n    pass\n"
    )
    descr(*EXPLORE, "--matcher", "own:Own", "-o", "x.html").refused("can't compute Own")
    for name, tree in zip("ab", SIFT(size=96).extract(["a.png", "b.png"]), strict=True):
        tree.attrs["image_name"] = "gone.png"
        save_features(tree, folder / f"{name}.nc")
    descr("explore", "a.nc", "b.nc", "-o", "x.html").refused("needs the photographs", "--images")


def test_the_command_and_the_library_show_as_many_images() -> None:
    assert command._MOST == MOST_IMAGES
