"""Where masks come from: a file, a text, or the features of both images."""

from .base import Mask, Segmenter
from .files import MaskFiles
from .text import TextPrompt

__all__ = ["Mask", "MaskFiles", "Segmenter", "TextPrompt"]
