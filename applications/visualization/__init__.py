"""Pictures of features and of correspondences."""

from .matches import draw_matches

__all__ = ["draw_matches"]
