"""Numbers that say how right correspondences are: pure functions on arrays."""

from .averages import AVERAGES, Average, average_pairs
from .distances import box_length, image_length, keypoint_length, point_distances
from .pck import COMPARISONS, Comparison, count_correct, pck
from .variants import pck_variants

__all__ = [
    "AVERAGES",
    "COMPARISONS",
    "Average",
    "Comparison",
    "average_pairs",
    "box_length",
    "count_correct",
    "image_length",
    "keypoint_length",
    "pck",
    "pck_variants",
    "point_distances",
]
