"""Correspondences in, something to look at or to measure out."""

from typing import TYPE_CHECKING

from .lazy import lazy_names

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
__getattr__ = lazy_names(
    __name__,
    {
        ".agreement": "Agreement measure_agreement",
        ".evaluation.alignment": "PoseAlignment align_pose mirror_image points_in_mirror",
        ".evaluation.compare": "compare_reports",
        ".evaluation.datasets": "open_dataset",
        ".evaluation.propagation": "MaskPropagation",
        ".evaluation.report": "build_report",
        ".evaluation.reproduction": "reproduce",
        ".evaluation.run": "predict",
        ".flow": (
            "FlowError dense_flow draw_flow flow_colors read_flo read_kitti warp write_flo "
            "write_kitti"
        ),
        ".keypoints": "transfer_keypoints",
        ".segmentation": "JointForeground MaskFiles Segmenter TextPrompt",
        ".swap": "Refinement save_gif swap_both swap_frames swap_instances",
        ".visualization": (
            "correspondence_colors draw_clusters draw_comparison draw_correspondence_map "
            "draw_keypoints draw_layers draw_matches draw_pca joint_pca layer_pca "
            "matched_clusters paint_cells split_sources"
        ),
    },
)

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
