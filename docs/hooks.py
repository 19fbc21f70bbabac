"""Shows mkdocstrings the four folders as `descr.<folder>`, as which they are installed."""

import tempfile
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority

_FOLDERS = ("descriptors", "matchers", "applications", "cli")
_packages = tempfile.TemporaryDirectory(prefix="descr-docs-")


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


def on_shutdown() -> None:
    """Remove the links."""
    _packages.cleanup()
