"""Correspondences in, something to look at or to measure out."""

from typing import TYPE_CHECKING

from ..descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .evaluation.datasets import open_dataset
    from .evaluation.report.compare import compare_reports
    from .evaluation.report.report import build_report
    from .evaluation.run.reproduction import reproduce
    from .evaluation.run.steps import predict
    from .exchange import match_rows, read_points, select_matches, write_matches
    from .explorer import explore
    from .flow import (
        FlowError,
        dense_flow,
        draw_flow,
        flow_colors,
        read_flo,
        read_kitti,
        warp,
        write_flo,
        write_kitti,
    )
    from .keypoints import transfer_keypoints
    from .masks import JointForeground, MaskFiles, Segmenter, TextPrompt
    from .matching import match_images
    from .pictures import (
        correspondence_colors,
        draw_clusters,
        draw_comparison,
        draw_correspondence_map,
        draw_hits,
        draw_keypoints,
        draw_layers,
        draw_matches,
        draw_pca,
        draw_similarity,
        joint_pca,
        layer_pca,
        matched_clusters,
        paint_cells,
        point_similarity,
        split_sources,
    )
    from .pose import PoseAlignment, align_pose, mirror_image, points_in_mirror
    from .propagation import MaskPropagation
    from .samples import write_samples
    from .swap import Refinement, save_gif, swap_both, swap_frames, swap_instances
    from .verification import Agreement, measure_agreement

# Imported when they are first asked for: each brings libraries that the others do without.
__getattr__ = lazy_names(__name__)

__all__ = [
    "Agreement",
    "FlowError",
    "JointForeground",
    "MaskFiles",
    "MaskPropagation",
    "PoseAlignment",
    "Refinement",
    "Segmenter",
    "TextPrompt",
    "align_pose",
    "build_report",
    "compare_reports",
    "correspondence_colors",
    "dense_flow",
    "draw_clusters",
    "draw_comparison",
    "draw_correspondence_map",
    "draw_flow",
    "draw_hits",
    "draw_keypoints",
    "draw_layers",
    "draw_matches",
    "draw_pca",
    "draw_similarity",
    "explore",
    "flow_colors",
    "joint_pca",
    "layer_pca",
    "match_images",
    "match_rows",
    "matched_clusters",
    "measure_agreement",
    "mirror_image",
    "open_dataset",
    "paint_cells",
    "point_similarity",
    "points_in_mirror",
    "predict",
    "read_flo",
    "read_kitti",
    "read_points",
    "reproduce",
    "save_gif",
    "select_matches",
    "split_sources",
    "swap_both",
    "swap_frames",
    "swap_instances",
    "transfer_keypoints",
    "warp",
    "write_flo",
    "write_kitti",
    "write_matches",
    "write_samples",
]
