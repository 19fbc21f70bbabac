"""Pictures of features and of correspondences."""

from typing import TYPE_CHECKING

from ...descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .clusters import draw_clusters, matched_clusters
    from .comparison import draw_comparison, split_sources
    from .components import draw_pca, joint_pca
    from .keypoints import draw_keypoints
    from .layers import draw_layers, layer_pca
    from .matches import draw_matches
    from .painting import paint_cells
    from .places import correspondence_colors, draw_correspondence_map

# Imported when they are first asked for: some bring SciPy, which the others do without.
__getattr__ = lazy_names(__name__)

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
