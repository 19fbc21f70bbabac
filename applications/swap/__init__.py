"""Instance swap: the appearance of one object in the shape and pose of another."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .animation import swap_frames
from .correspondence import NothingMatchedError
from .gif import save_gif
from .instances import swap_both, swap_instances

if TYPE_CHECKING:
    from .refinement import Refinement

# Imported when it is first asked for: it brings the modules of Stable Diffusion.
_LAZY = {"Refinement": ".refinement"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)


__all__ = [
    "NothingMatchedError",
    "Refinement",
    "save_gif",
    "swap_both",
    "swap_frames",
    "swap_instances",
]
