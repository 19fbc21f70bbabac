"""Feature files: feature trees kept as NetCDF-4 that no damage can turn into another tree."""

from .files import FeatureInfo, LayerInfo, load_features, read_feature_info, save_features
from .reuse import why_extract

__all__ = [
    "FeatureInfo",
    "LayerInfo",
    "load_features",
    "read_feature_info",
    "save_features",
    "why_extract",
]
