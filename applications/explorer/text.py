"""The text of a page: the template with its style and scripts, and the data between them."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_STATIC = Path(__file__).parent / "static"
_SCRIPTS = (
    "features",
    "similarity",
    "matching",
    "state",
    "points",
    "drawing",
    "panes",
    "controls",
    "main",
)
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {styles}; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def page_text(document: Mapping[str, Any], blocks: Mapping[str, bytes]) -> str:
    """One file of HTML that asks for no other.

    Args:
        document: What the scripts read as JSON: names, sizes and numbers.
        blocks: What they read as bytes, by name.
    """
    scripts = [static_text(f"{name}.js") for name in _SCRIPTS]
    style = static_text("explorer.css")
    names = [image["name"] for image in document["images"]]
    policy = _POLICY.format(scripts=" ".join(map(_digest, scripts)), styles=_digest(style))
    # What ends a script or begins a comment is no more than a letter in a string of JSON.
    data = json.dumps(document, allow_nan=False)
    for letter in "<>&":
        data = data.replace(letter, f"\\u{ord(letter):04x}")
    data_blocks = [f'<script type="application/json" id="document">{data}</script>']
    data_blocks += [
        f'<script type="application/octet-stream" id="{html.escape(name)}">'
        f"{base64.b64encode(block).decode()}</script>"
        for name, block in blocks.items()
    ]
    parts = {
        "policy": html.escape(policy),
        "title": html.escape(" · ".join(names)),
        "style": f"<style>{style}</style>",
        "data": "\n".join(data_blocks),
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    # In one pass, so that nothing within a part is taken for the name of another.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], static_text("explorer.html"))


def static_text(name: str) -> str:
    """A file of the page, or of the widget around it."""
    return (_STATIC / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """How a content security policy names an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
