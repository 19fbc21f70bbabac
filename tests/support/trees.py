"""Feature trees made by hand."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from descr.descriptors.features.grids import Grid
from descr.descriptors.features.tensors import Features, LayerFeatures
from descr.descriptors.features.tree import Provenance
from descr.descriptors.image.reading import Image


def layer_features(*, features: Any, y: Any, x: Any, **provenance: Any) -> LayerFeatures:
    """A layer of these values, whose cells lie at these places."""
    grid = Grid(np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64))
    return LayerFeatures(torch.from_numpy(features), grid, Provenance(**provenance).attributes)


def build_tree(image: Image, descriptor: str, layers: Iterable[LayerFeatures]) -> xr.DataTree:
    """The feature tree of an image."""
    return Features.of(image, descriptor, layers).to_tree()


def layer(
    features: Any, source: str = "net", name: str = "token", **arguments: Any
) -> LayerFeatures:
    """A layer whose cells tile an image of 128 x 128 pixels."""
    values = np.array(features, dtype=np.float32)
    centres = [(np.arange(count) + 0.5) * 128 / count - 0.5 for count in values.shape[1:]]
    options = {
        "model": "made by hand",
        "revision": "1",
        "settings": {"size": 128},
        "y": centres[0],
        "x": centres[1],
        **arguments,
    }
    return layer_features(source=source, layer=name, features=values, **options)


def tree(*layers: LayerFeatures, name: str = "a.png", seed: int = 0) -> xr.DataTree:
    """A feature tree of an image of 128 x 128 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    return build_tree(Image(pixels, name), "ByHand()", layers)


def network_tree(
    name: str = "cat.jpg", *, settings: Mapping[str, Any] | None = None, **components: int
) -> xr.DataTree:
    """The tree of an image of 80 x 80 pixels: two layers of random features, coarse and fine.

    `components` are those of layers that have some.
    """
    rng = np.random.default_rng(0)
    layers = [
        layer_features(
            source="network",
            layer=one,
            features=rng.standard_normal((24, 8, 8)).astype(np.float32),
            y=np.arange(8) * 10.0 + 4.5,
            x=np.arange(8) * 10.0 + 4.5,
            model="a/model",
            revision="",
            settings=settings or {},
            components=components.get(one),
        )
        for one in ("coarse", "fine")
    ]
    return build_tree(Image(np.zeros((80, 80, 3), np.uint8), name), "Small()", layers)
