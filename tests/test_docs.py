"""The programs and commands on the pages of the site and in the README."""

import inspect
import re
import shlex
import shutil
import textwrap
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import PIL.Image
import pytest
import typer
from descr.cli.main import app
from descr.descriptors import SIFT
from descr.descriptors.weights import find_weights
from support.datasets.spair import make_spair
from support.models import make_cache, make_clipseg

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
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


BLOCK = re.compile(r"^(<!-- example: .* -->\n+)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"ave this as\s+`(\w+\.py)`:\s*$")


def blocks(page: Path) -> list[tuple[str, str]]:
    """The Python blocks of a page that have no test of their own, and what stands before each."""
    text = page.read_text(encoding="utf-8")
    matches = [match for match in BLOCK.finditer(text) if match[1] is None]
    return [(text[: match.start()], textwrap.dedent(match[2])) for match in matches]


def _spair(split: str) -> None:
    make_spair(
        Path("SPair-71k"), categories=("cat",), images=2, split=split, side=120, awkward=False
    )


def _masks() -> None:
    for name in "ab":
        with PIL.Image.open(f"{name}.jpg") as image:
            mask = np.zeros((image.height, image.width), dtype=np.uint8)
        mask[60:240, 100:340] = 255
        PIL.Image.fromarray(mask).save(f"{name}-mask.png")


def _text_masks() -> None:
    _masks()
    make_clipseg(Path())


def _views() -> None:
    for side, name in zip(("left", "right"), "ab", strict=True):
        shutil.copy(f"{name}.jpg", f"photographs/cat-{side}.jpg")
    Path("photographs/cat.csv").write_text("100,90,100,90\n200,150,210,160\n")


def _refinement() -> None:
    _masks()
    make_cache(Path("hub"))


SET_UP: dict[str, Callable[[], Any]] = {
    "data-sets.md": lambda: _spair("test"),
    "evaluation.md": lambda: _spair("val"),
    "masks.md": _text_masks,
    "swap.md": _refinement,
    "writing-a-data-set.md": _views,
}
"""What must lie in the folder for the programs of a page."""
STAND_INS: dict[str, dict[str, Any]] = {
    "masks.md": {
        "descr.applications.masks.text.find_weights": lambda _, family: find_weights(
            "tiny-clipseg", family
        )
    },
    "weights.md": {
        "diffusers.DiffusionPipeline.from_pretrained": Mock(),
        "transformers.CLIPVisionModelWithProjection.from_pretrained": Mock(),
        "descr.descriptors.weights.pull": Mock(),
        "descr.descriptors.weights.find_weights": Mock(),
    },
}
"""What stands for weights that are not here, and for what downloads them."""
BEFORE = {
    "coordinates.md": "from descr.descriptors import SIFT\ndescribe = SIFT(size=128)",
    "protocols.md": """
import numpy as np
from descr.descriptors import SIFT
rng = np.random.default_rng(0)
predicted, truth = rng.uniform(0, 99, (2, 4, 5, 2))
boxes = np.tile([0.0, 0.0, 90.0, 80.0], (4, 1))
sizes = np.tile([100, 100], (4, 1))
categories = ["cat", "cat", "dog", "dog"]
viewpoints = ["0", "1", "0", "1"]
frames = SIFT(size=128)("a.jpg", "c.jpg", "a.jpg")
labels = np.zeros((3, *(frames[0].attrs[f"image_{side}"] for side in ("height", "width"))), int)
labels[:, 60:240, 100:340] = 1
videos = {"cat": (frames, labels)}
""",
}
"""The names that the programs of a page take for granted."""


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda one: one.name)
def test_every_program_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # They are to run, whatever they find.
    monkeypatch.setitem(inspect.unwrap(SIFT.__init__).__kwdefaults__, "size", 128)
    for place, stand_in in STAND_INS.get(page.name, {}).items():
        monkeypatch.setattr(place, stand_in)
    SET_UP.get(page.name, lambda: None)()
    names: dict[str, Any] = {}
    exec(BEFORE.get(page.name, ""), names)
    for before, program in blocks(page):
        if file := FILE.search(before):
            Path(file[1]).write_text(program, encoding="utf-8")
        exec(compile(program, page.name, "exec"), names)
        for test in [names.pop(name) for name in list(names) if name.startswith("test_")]:
            test()


@pytest.mark.parametrize(
    "package", ["descriptors", "descriptors.weights", "matchers", "applications"]
)
def test_the_reference_lists_every_public_name(package: str) -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^::: descr\.\S*?(\w+)$", page, re.MULTILINE))
    assert set(import_module(f"descr.{package}").__all__) <= listed


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


def test_copies_are_neighbours(capsys, monkeypatch):
    monkeypatch.setitem(inspect.unwrap(SIFT.__init__).__kwdefaults__, "size", 128)
    exec(compile(example("neighbours"), "neighbours", "exec"), {})
    assert capsys.readouterr().out.startswith("a.jpg c.jpg 1.00\n")
    assert Path("clusters.csv").read_text().startswith("image,cluster,images\n")


def test_matches_are_verified(capsys):
    names = {}
    exec(compile(example("verification", "verification"), "verification", "exec"), names)
    assert re.fullmatch(
        r"[\d,]+ of [\d,]+ matches agree within \d+\.\d pixels\n", capsys.readouterr().out
    )
    assert names["agreeing"].sizes["match"] > 1000
    assert {"margin", "inlier", "model"} <= set(names["agreeing"])


def test_the_programs_with_workers_run_on_them(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("descr.descriptors.open_cluster", lambda **_: nullcontext(client))
    for name in ("cluster", "workers"):
        names = {"__name__": "__main__"}
        exec(compile(example(name), name, "exec"), names)
    assert client.dashboard_link in capsys.readouterr().out
    assert len(names["store"]) == 3
