"""Feature files: feature trees kept as NetCDF-4 that no damage can turn into another tree."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .files import FeatureInfo, LayerInfo, load_features, read_feature_info, save_features
    from .maps import MapInfo, load_map, read_map_info, save_map
    from .reuse import why_extract
    from .store import FeatureStore, Outcome

__getattr__ = lazy_names(__name__)

__all__ = [
    "FeatureInfo",
    "FeatureStore",
    "LayerInfo",
    "MapInfo",
    "Outcome",
    "load_features",
    "load_map",
    "read_feature_info",
    "read_map_info",
    "save_features",
    "save_map",
    "why_extract",
]
