"""Where masks come from: a file, a text, or the features of both images."""

from typing import TYPE_CHECKING

from ...descriptors.lazy import lazy_names
from .base import Mask, MaskFiles, Segmenter, cells_in_mask, mask_of

if TYPE_CHECKING:
    from .foreground import JointForeground
    from .text import TextPrompt

# Imported when they are first asked for: they bring SciPy and what finds weights.
__getattr__ = lazy_names(__name__)

__all__ = [
    "JointForeground",
    "Mask",
    "MaskFiles",
    "Segmenter",
    "TextPrompt",
    "cells_in_mask",
    "mask_of",
]
