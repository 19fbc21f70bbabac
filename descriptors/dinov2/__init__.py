"""DINOv2 features."""

from .descriptor import DINOv2

__all__ = ["DINOv2"]
