"""Correspondences in, something to look at or to measure out."""

from .draw_matches import draw_matches

__all__ = ["draw_matches"]
