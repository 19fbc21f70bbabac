"""Shows mkdocstrings an entry of several parameters, `first, second: text`, as one of each."""

import re
from typing import Any

import griffe

_ENTRY = re.compile(r"^(\s+)((?:\w+, )+\w+): ((?:.*)(?:\n\1\s+\S.*)*)", re.MULTILINE)


def _split(entry: re.Match[str]) -> str:
    indent, names, text = entry.groups()
    return "\n".join(f"{indent}{name}: {text}" for name in names.split(", "))


class SharedEntries(griffe.Extension):
    """Takes the entries of each docstring apart before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Replace the text of the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = _ENTRY.sub(_split, obj.docstring.value)
