"""Pictures of features and of correspondences."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .matches import draw_matches

if TYPE_CHECKING:
    from .clusters import matched_clusters
    from .comparison import draw_comparison, split_sources
    from .components import draw_pca, joint_pca
    from .keypoints import draw_keypoints
    from .layers import draw_layers, layer_pca
    from .painting import paint_cells
    from .places import correspondence_colors, draw_correspondence_map
    from .regions import draw_clusters

# Imported when they are first asked for: they bring SciPy, which matches do without.
_LAZY = {
    "correspondence_colors": ".places",
    "draw_clusters": ".regions",
    "draw_comparison": ".comparison",
    "draw_correspondence_map": ".places",
    "draw_keypoints": ".keypoints",
    "draw_layers": ".layers",
    "draw_pca": ".components",
    "joint_pca": ".components",
    "layer_pca": ".layers",
    "matched_clusters": ".clusters",
    "paint_cells": ".painting",
    "split_sources": ".comparison",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)


__all__ = [
    "correspondence_colors",
    "draw_clusters",
    "draw_comparison",
    "draw_correspondence_map",
    "draw_keypoints",
    "draw_layers",
    "draw_matches",
    "draw_pca",
    "joint_pca",
    "layer_pca",
    "matched_clusters",
    "paint_cells",
    "split_sources",
]
