"""The README's examples do what they say."""

import importlib
import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from descr import matchers
from descr.cli.options.matches import DRAWN
from descr.descriptors import create
from descr.descriptors.testing import check_descriptor

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    """The Python block of the README that follows the comment `<!-- example: NAME -->`."""
    result = re.findall(
        rf"^<!-- example: {name} -->\n+```python\n(.*?)^```$",
        README,
        re.MULTILINE | re.DOTALL,
    )
    assert len(result) == 1
    return str(result[0])


def test_the_python_example_finds_the_closer_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(IMAGES / "cat.jpg", tmp_path / "a.jpg")
    shutil.copy(IMAGES / "cat-closer.jpg", tmp_path / "b.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(example("python"), "README.md", "exec"), names)
    printed = capsys.readouterr().out.split()
    assert printed[:5] == ["source_x", "source_y", "target_x", "target_y", "score"]
    assert (tmp_path / "a.nc").is_file()
    source, target = names["source"], names["target"]
    assert source.attrs["basis"] == target.attrs["basis"]  # type: ignore[attr-defined]


def test_no_line_of_the_first_picture_is_wrong(tmp_path: Path) -> None:
    (command,) = re.findall(r"&& descr (match .*) -o match\.png$", README, re.MULTILINE)
    assert f"\ndescr {command} -o match.png\n" in (ROOT / "docs" / "index.md").read_text("utf-8")
    lines = ["--max-matches", str(DRAWN), "-o", tmp_path / "lines.csv"]
    arguments = [sys.executable, "-m", "descr.cli", *shlex.split(command), *lines]
    subprocess.run(arguments, cwd=ROOT, check=True)
    table = np.genfromtxt(tmp_path / "lines.csv", delimiter=",", names=True)
    assert len(table) == DRAWN
    assert error_of(table).max() <= 8


@pytest.fixture
def patches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder outside the package, with the subclass of the README in patches.py."""
    (tmp_path / "patches.py").write_text(example("subclass"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "patches", raising=False)
    return tmp_path


def error_of(matches: xr.Dataset | np.ndarray) -> np.ndarray:
    """How far each match lies from the truth in pixels; the second photograph was rendered."""
    truth = runpy.run_path(str(IMAGES / "make_samples.py"))["to_closer"]
    x, y = truth(np.stack([matches["source_x"], matches["source_y"]], axis=1)).T
    return np.hypot(matches["target_x"] - x, matches["target_y"] - y)


def test_the_subclass_keeps_every_promise_of_a_descriptor(patches: Path) -> None:
    check_descriptor(importlib.import_module("patches").Patches())


@pytest.mark.parametrize("fit", ["aspect", "pad"])
def test_the_subclass_sees_no_edge_where_the_image_ends(patches: Path, fit: str) -> None:
    describe = importlib.import_module("patches").Patches(size=96, fit=fit)
    blank = np.full((40, 96, 3), 200, dtype=np.uint8)
    features = describe.extract([blank])[0]["patches/colours"]["features"]
    assert np.abs(features).max() < 1e-6


def test_the_subclass_matches_from_python(patches: Path) -> None:
    describe = create("patches:Patches", size=768)
    source, target = describe(IMAGES / "cat.jpg", IMAGES / "cat-closer.jpg")
    for name in matchers.available():
        result = matchers.create(name)(source, target)
        assert result["matched"].any()
    matches = matchers.to_matches(matchers.MutualNearestNeighbor()(source, target))
    assert (error_of(matches) <= 8).mean() > 0.7


def test_the_subclass_matches_on_the_command_line(patches: Path) -> None:
    command = [sys.executable, "-m", "descr.cli", "match"]
    command += [IMAGES / "cat.jpg", IMAGES / "cat-closer.jpg", "--json"]
    command += ["--descriptor", "patches:Patches", "--set", "size=768"]
    done = subprocess.run(command, cwd=patches, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["descriptor"].startswith("Patches(size=768")
    assert document["matches"]


def test_the_subclass_takes_fifteen_lines_and_is_the_one_of_the_site() -> None:
    subclass = example("subclass")
    assert len(subclass.splitlines()) <= 15
    page = (ROOT / "docs" / "writing-a-descriptor.md").read_text(encoding="utf-8")
    assert f"```python\n{subclass}```" in page
