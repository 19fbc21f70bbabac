"""Feature files: feature trees kept as NetCDF-4 that no damage can turn into another tree."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .files import load_any, load_features, save_features
    from .info import (
        BasisInfo,
        FeatureInfo,
        LayerInfo,
        MapInfo,
        read_feature_info,
        read_info,
        read_map_info,
    )
    from .maps import load_map, save_map
    from .opening import open_store
    from .reuse import why_extract
    from .store import FeatureStore, Outcome

__getattr__ = lazy_names(__name__)

__all__ = [
    "BasisInfo",
    "FeatureInfo",
    "FeatureStore",
    "LayerInfo",
    "MapInfo",
    "Outcome",
    "load_any",
    "load_features",
    "load_map",
    "open_store",
    "read_feature_info",
    "read_info",
    "read_map_info",
    "save_features",
    "save_map",
    "why_extract",
]
