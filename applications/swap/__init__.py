"""Instance swap: the appearance of one object in the shape and pose of another."""

from typing import TYPE_CHECKING

from ...descriptors.lazy import lazy_names
from .animation import animation_memory, check_animation, save_gif, swap_frames
from .correspondence import NothingMatchedError, SwapOptions
from .instances import swap_both, swap_instances, swap_memory

if TYPE_CHECKING:
    from .refinement import Refinement

# Imported when it is first asked for: it brings the modules of Stable Diffusion.
__getattr__ = lazy_names(__name__)

__all__ = [
    "NothingMatchedError",
    "Refinement",
    "SwapOptions",
    "animation_memory",
    "check_animation",
    "save_gif",
    "swap_both",
    "swap_frames",
    "swap_instances",
    "swap_memory",
]
