"""Feature files: feature trees kept as NetCDF-4 that no damage can turn into another tree."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .files import FeatureInfo, LayerInfo, load_features, read_feature_info, save_features
    from .reuse import why_extract

__getattr__ = lazy_names(__name__)

__all__ = [
    "FeatureInfo",
    "LayerInfo",
    "load_features",
    "read_feature_info",
    "save_features",
    "why_extract",
]
