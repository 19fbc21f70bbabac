"""The programs and commands on the pages of the site and in the README."""

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
from descr.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each `descr ...` in the console blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for kind, block in re.findall(r"^ *```(sh|console)\n(.*?)^ *```$", text, re.M | re.S):
        for line in block.replace("\\\n", "").splitlines():
            if kind == "console" and not line.startswith("$ "):
                continue  # what the command prints
            for inner in re.findall(r"\$\((.*?)\)", line):
                yield shlex.split(inner)
            for part in line.removeprefix("$ ").split("&&"):
                words = shlex.split(part, comments=True)
                if words[:1] == ["descr"]:
                    yield words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_can_be_parsed(page: Path) -> None:
    for _, *words in commands(page):
        with suppress(typer.Exit):  # of --version and --help
            parse(words)


def parse(words: list[str]) -> None:
    """Take a command line apart as the program does, without running the command."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("descr", words)
    while hasattr(command, "commands"):
        # Where the names of commands are kept depends on the version of typer.
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


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
