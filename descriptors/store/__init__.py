"""Feature files: feature trees kept as NetCDF-4 that no damage can turn into another tree."""

from .files import FeatureInfo, LayerInfo, load_features, read_feature_info, save_features
from .maps import MapInfo, load_map, read_map_info, save_map
from .reuse import why_extract
from .store import FeatureStore, Outcome

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
