"""Where masks come from: a file, a text, or the features of both images."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import Mask, Segmenter
from .files import MaskFiles

if TYPE_CHECKING:
    from .foreground import JointForeground
    from .text import TextPrompt

# Imported when they are first asked for: they bring SciPy and what finds weights.
_LAZY = {"JointForeground": ".foreground", "TextPrompt": ".text"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)


__all__ = ["JointForeground", "Mask", "MaskFiles", "Segmenter", "TextPrompt"]
