"""Dense flow: a displacement for every pixel, files of it, and images warped by it."""

from .dense import dense_flow
from .warp import warp

__all__ = ["dense_flow", "warp"]
