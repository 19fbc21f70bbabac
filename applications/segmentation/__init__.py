"""Where masks come from: a file, a text, or the features of both images."""

from .base import Mask, Segmenter
from .files import MaskFiles
from .foreground import JointForeground
from .text import TextPrompt

__all__ = ["JointForeground", "Mask", "MaskFiles", "Segmenter", "TextPrompt"]
