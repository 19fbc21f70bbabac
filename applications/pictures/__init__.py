"""Pictures of features and of correspondences."""

from typing import TYPE_CHECKING

from ...descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .canvas import Drawing
    from .clusters import CLUSTERS, cluster_maps, draw_clusters, matched_clusters, paint_clusters
    from .comparison import draw_comparison, split_sources
    from .components import (
        COMPONENTS,
        cell_views,
        draw_layers,
        draw_pca,
        joint_pca,
        layer_colors,
        layer_pca,
        paint_layers,
        pca_colors,
    )
    from .hits import draw_hits
    from .keypoints import draw_keypoints
    from .matches import draw_matches
    from .painting import View, check_width, paint_cells, pixel_cells, resize_photograph
    from .places import correspondence_colors, draw_correspondence_map, paint_places, place_colors
    from .scenes import Scene, outlines
    from .sheet import draw_sheet
    from .similarity import (
        best_places,
        draw_similarity,
        paint_similarity,
        point_similarity,
        similarity_maps,
    )

# Imported when they are first asked for: some bring SciPy, which the others do without.
__getattr__ = lazy_names(__name__)

__all__ = [
    "CLUSTERS",
    "COMPONENTS",
    "Drawing",
    "Scene",
    "View",
    "best_places",
    "cell_views",
    "check_width",
    "cluster_maps",
    "correspondence_colors",
    "draw_clusters",
    "draw_comparison",
    "draw_correspondence_map",
    "draw_hits",
    "draw_keypoints",
    "draw_layers",
    "draw_matches",
    "draw_pca",
    "draw_sheet",
    "draw_similarity",
    "joint_pca",
    "layer_colors",
    "layer_pca",
    "matched_clusters",
    "outlines",
    "paint_cells",
    "paint_clusters",
    "paint_layers",
    "paint_places",
    "paint_similarity",
    "pca_colors",
    "pixel_cells",
    "place_colors",
    "point_similarity",
    "resize_photograph",
    "similarity_maps",
    "split_sources",
]
