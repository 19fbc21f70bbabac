"""Correspondences in, something to look at or to measure out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agreement import Agreement, measure_agreement
    from .evaluation.alignment import PoseAlignment, align_pose, mirror_image, points_in_mirror
    from .evaluation.compare import compare_reports
    from .evaluation.datasets import open_dataset
    from .evaluation.propagation import MaskPropagation
    from .evaluation.report import build_report
    from .evaluation.reproduction import reproduce
    from .evaluation.run import predict
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
    from .segmentation import JointForeground, MaskFiles, Segmenter, TextPrompt
    from .swap import Refinement, save_gif, swap_both, swap_frames, swap_instances
    from .visualization import (
        correspondence_colors,
        draw_clusters,
        draw_comparison,
        draw_correspondence_map,
        draw_keypoints,
        draw_layers,
        draw_matches,
        draw_pca,
        joint_pca,
        layer_pca,
        matched_clusters,
        paint_cells,
        split_sources,
    )

# Imported when they are first asked for: each brings libraries that the others do without.
_LAZY = {
    "Agreement": ".agreement",
    "FlowError": ".flow",
    "JointForeground": ".segmentation",
    "MaskFiles": ".segmentation",
    "align_pose": ".evaluation.alignment",
    "build_report": ".evaluation.report",
    "compare_reports": ".evaluation.compare",
    "correspondence_colors": ".visualization",
    "dense_flow": ".flow",
    "draw_clusters": ".visualization",
    "draw_comparison": ".visualization",
    "draw_correspondence_map": ".visualization",
    "draw_flow": ".flow",
    "draw_keypoints": ".visualization",
    "draw_layers": ".visualization",
    "draw_matches": ".visualization",
    "draw_pca": ".visualization",
    "flow_colors": ".flow",
    "joint_pca": ".visualization",
    "layer_pca": ".visualization",
    "MaskPropagation": ".evaluation.propagation",
    "matched_clusters": ".visualization",
    "measure_agreement": ".agreement",
    "mirror_image": ".evaluation.alignment",
    "open_dataset": ".evaluation.datasets",
    "paint_cells": ".visualization",
    "points_in_mirror": ".evaluation.alignment",
    "predict": ".evaluation.run",
    "read_flo": ".flow",
    "read_kitti": ".flow",
    "reproduce": ".evaluation.reproduction",
    "PoseAlignment": ".evaluation.alignment",
    "Refinement": ".swap",
    "Segmenter": ".segmentation",
    "TextPrompt": ".segmentation",
    "save_gif": ".swap",
    "split_sources": ".visualization",
    "swap_both": ".swap",
    "swap_frames": ".swap",
    "swap_instances": ".swap",
    "transfer_keypoints": ".keypoints",
    "warp": ".flow",
    "write_flo": ".flow",
    "write_kitti": ".flow",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)


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
    "draw_keypoints",
    "draw_layers",
    "draw_matches",
    "draw_pca",
    "flow_colors",
    "joint_pca",
    "layer_pca",
    "matched_clusters",
    "measure_agreement",
    "mirror_image",
    "open_dataset",
    "paint_cells",
    "points_in_mirror",
    "predict",
    "read_flo",
    "read_kitti",
    "reproduce",
    "save_gif",
    "split_sources",
    "swap_both",
    "swap_frames",
    "swap_instances",
    "transfer_keypoints",
    "warp",
    "write_flo",
    "write_kitti",
]
