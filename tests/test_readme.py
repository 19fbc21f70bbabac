"""The README's examples do what they say."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"


def example(name: str) -> str:
    """The Python block of the README that follows the comment `<!-- example: NAME -->`."""
    found = re.findall(
        rf"^<!-- example: {name} -->\n+```python\n(.*?)^```$",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert len(found) == 1
    return str(found[0])


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


def test_the_subclass_takes_fifteen_lines_and_is_the_one_of_the_site() -> None:
    subclass = example("subclass")
    assert len(subclass.splitlines()) <= 15
    page = (ROOT / "docs" / "writing-a-descriptor.md").read_text(encoding="utf-8")
    assert f"```python\n{subclass}```" in page
