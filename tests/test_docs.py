"""The programs on the pages of the site."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"


def example(name: str, page: str = "many-images") -> str:
    """The Python block that stands below the mark of this name on a page."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"<!-- example: {name} -->\n```python\n(.*?)```", text, re.S)
    return block


@pytest.fixture(autouse=True)
def photographs(tmp_path, monkeypatch):
    """A folder to work in, with photographs."""
    pictures = sorted(IMAGES.glob("cat*.jpg"))[:2]
    (tmp_path / "photographs").mkdir()
    for name, picture in zip("abc", [*pictures, pictures[0]], strict=True):
        shutil.copy(picture, tmp_path / f"{name}.jpg")
        shutil.copy(picture, tmp_path / "photographs" / f"{name}.jpg")
    monkeypatch.chdir(tmp_path)


def test_photographs_become_matches_without_leaving_tensors(capsys):
    program = example("stream")
    assert len(program.splitlines()) < 20
    assert "numpy" not in program
    exec(compile(program, "stream", "exec"), {})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["a.jpg", "b.jpg"],
        ["a.jpg", "c.jpg"],
        ["b.jpg", "c.jpg"],
    ]
    assert all(int(line[2]) > 1000 for line in lines)


def test_a_late_image_is_comparable(capsys):
    exec(compile(example("basis"), "basis", "exec"), {})
    assert capsys.readouterr().out.rstrip().endswith("True")


def test_a_store_says_what_it_did_and_what_packing_lost(capsys):
    for status in ("extracted", "kept"):
        exec(compile(example("store"), "store", "exec"), {})
        *lines, last = capsys.readouterr().out.splitlines()
        assert lines == [f"{name}.jpg {status}" for name in "abc"]
        assert re.fullmatch(
            r"3 maps; no cell has a cosine below 0\.99\d\d with what was packed", last
        )


def test_matches_are_verified(capsys):
    names = {}
    exec(compile(example("verification", "verification"), "verification", "exec"), names)
    assert re.fullmatch(
        r"[\d,]+ of [\d,]+ matches agree within \d+\.\d pixels\n", capsys.readouterr().out
    )
    assert names["agreeing"].sizes["match"] > 1000
    assert {"margin", "inlier", "model"} <= set(names["agreeing"])
