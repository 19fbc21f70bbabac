"""Correspondences in, something to look at or to measure out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .flow import dense_flow, warp
    from .visualization import draw_matches

# Imported when they are first asked for: each brings libraries that the others do without.
_LAZY = {
    "dense_flow": ".flow",
    "draw_matches": ".visualization",
    "warp": ".flow",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)


__all__ = ["dense_flow", "draw_matches", "warp"]
