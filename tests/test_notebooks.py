"""The notebooks of the site: each is run, and must say what it says."""

import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "docs" / "notebooks").glob("*.ipynb"))
PRINTED = {
    "first-steps": r"\d+ of 6144 cells have a mutual match: \d\d%",
    "many-images": r"left\.jpg and right\.jpg: \d\d% of the mutual matches move together",
    "matches": r"mutual +\d+ matches, +\d\d\.\d% of them right",
    "own-descriptor": r"patches +\d\d%",
}
PICTURES = {"first-steps": 3, "many-images": 1, "matches": 2, "own-descriptor": 2}


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a kernel of this interpreter, whatever others are installed."""
    folder = tmp_path / "jupyter" / "kernels" / "own"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    description = {"argv": argv, "display_name": "own", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(description), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return "own"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, kernel: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    # Its asserts hold what it measures against what it says.
    NotebookClient(
        notebook,
        timeout=600,
        startup_timeout=600,
        kernel_name=kernel,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert re.search(PRINTED[path.stem], printed)
    pictures = [output for output in outputs if "image/png" in output.get("data", ())]
    assert len(pictures) == PICTURES[path.stem]
    assert [one.text for one in outputs if one.get("name") == "stderr"] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_says_how_to_install(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    first, *others = notebook.cells
    assert 8 <= len(notebook.cells) <= 20
    assert "pip install -c constraints.txt" in first.source
    code = [cell for cell in others if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert any("assert " in cell.source for cell in code)


def test_every_notebook_is_tested() -> None:
    assert {path.stem for path in NOTEBOOKS} == PRINTED.keys() == PICTURES.keys()
