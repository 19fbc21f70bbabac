"""What the papers state, as the data file beside this module holds it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAPERS: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("papers.toml").read_text(encoding="utf-8")
)
"""Its tables by name. They are read without NumPy, since a press of the tab key can't wait."""
