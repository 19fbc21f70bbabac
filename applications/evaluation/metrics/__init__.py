"""Numbers that say how right correspondences are: pure functions on arrays."""

from .averages import AVERAGES, Average, average_pairs
from .bootstrap import Interval, bootstrap_difference, bootstrap_interval
from .distances import box_length, image_length, keypoint_length, point_distances
from .flow import endpoint_errors, flow_pck, flow_smoothness, mean_endpoint_error
from .keypoints import COMPARISONS, Comparison, count_correct, pck
from .segmentation import (
    SequenceScore,
    contour,
    contour_accuracy,
    mask_scores,
    region_similarity,
    sequence_score,
    summarize_masks,
)
from .variants import pck_variants

__all__ = [
    "AVERAGES",
    "COMPARISONS",
    "Average",
    "Comparison",
    "Interval",
    "SequenceScore",
    "average_pairs",
    "bootstrap_difference",
    "bootstrap_interval",
    "box_length",
    "contour",
    "contour_accuracy",
    "count_correct",
    "endpoint_errors",
    "flow_pck",
    "flow_smoothness",
    "image_length",
    "keypoint_length",
    "mask_scores",
    "mean_endpoint_error",
    "pck",
    "pck_variants",
    "point_distances",
    "region_similarity",
    "sequence_score",
    "summarize_masks",
]
