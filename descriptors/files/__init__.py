"""Feature files: feature trees kept as NetCDF-4 that no damage can turn into another tree."""

from .features import (
    FeatureInfo,
    LayerInfo,
    load_features,
    read_feature_info,
    save_features,
)

__all__ = ["FeatureInfo", "LayerInfo", "load_features", "read_feature_info", "save_features"]
