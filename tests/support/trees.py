"""Feature trees made by hand."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from descr.descriptors.features.tree import LayerFeatures, build_tree
from descr.descriptors.image.reading import Image


def layer(
    features: Any, source: str = "net", name: str = "token", **arguments: Any
) -> LayerFeatures:
    """A layer whose cells tile an image of 128 x 128 pixels."""
    values = np.asarray(features, dtype=np.float32)
    centres = [(np.arange(count) + 0.5) * 128 / count - 0.5 for count in values.shape[1:]]
    given: Mapping[str, Any] = {
        "model": "made by hand",
        "revision": "1",
        "settings": {"size": 128},
        "y": centres[0],
        "x": centres[1],
        **arguments,
    }
    return LayerFeatures(source=source, layer=name, features=values, **given)


def tree(*layers: LayerFeatures, name: str = "a.png", seed: int = 0) -> xr.DataTree:
    """A feature tree of an image of 128 x 128 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    return build_tree(Image(pixels, name), "ByHand()", layers)
