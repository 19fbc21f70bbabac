"""Shows mkdocstrings the four folders as they are installed, and runs the notebooks."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.plugins import event_priority
from nbclient import NotebookClient

_FOLDERS = ("descriptors", "matchers", "applications", "cli")
_packages = tempfile.TemporaryDirectory(prefix="descr-docs-")
_notebooks = tempfile.TemporaryDirectory(prefix="descr-notebooks-")


# Before mkdocstrings, which reads its settings in the same event.
@event_priority(100)
def on_config(config: Any) -> Any:
    """Link the folders under one `descr`, and have mkdocstrings read that."""
    root = Path(config.config_file_path).parent
    top = Path(_packages.name) / "descr"
    top.mkdir(exist_ok=True)
    for name in _FOLDERS:
        link = top / name
        if not link.exists():
            link.symlink_to(root / name, target_is_directory=True)
    python = config.plugins["mkdocstrings"].config.handlers["python"]
    python["paths"] = [_packages.name]
    return config


# Before mkdocs-jupyter, which would run one notebook after the other.
@event_priority(100)
def on_files(files: Any, config: Any) -> Any:
    """Run the notebooks, and take those with outputs for pages; a cell that fails raises."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(_execute, (file for file in files if file.src_uri.endswith(".ipynb"))))
    return files


def _execute(file: Any) -> None:
    """Write a notebook with the outputs of its cells to another folder, from where it is read."""
    notebook = nbformat.reads(file.content_string, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        startup_timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": _notebooks.name}},
        # Their state needs scripts from elsewhere: in the page a widget is a line of text.
        store_widget_state=False,
    )
    client.execute()
    for output in (one for cell in notebook.cells for one in cell.get("outputs", ())):
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    path = Path(_notebooks.name, file.src_uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    file.src_dir = _notebooks.name


def on_shutdown() -> None:
    """Remove the links and the notebooks."""
    _packages.cleanup()
    _notebooks.cleanup()
