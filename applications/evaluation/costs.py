"""What the row of a paper costs before it is run: weights, time and room for features."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ...descriptors.weights import cached, find_models
from .listing import Listing
from .recipes import Recipe

COSTS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "dinov2": (1.1, 7.2, 0.02),
        "sd": (6.6, 9.7, 0.7),
        "fused": (7.7, 16.9, 0.7),
        "dift": (11.6, 7.7, 0.02),
    }
)
"""Of a descriptor with its default settings: TFLOP of its networks and MB of features per square
image, and seconds of one processor per pair. The first are counted in the architectures, two for a
multiplication with its addition; the second are the layers, of which rounded files keep 65%; the
last are those of a joint PCA, or of reading an image."""
SPEED = 10.0
"""TFLOP per second by which the time of the networks is estimated."""


def teraflops(recipe: Recipe) -> float:
    """TFLOP of the networks for an image of the recipe, and for its mirror image if it has one."""
    return COSTS[recipe.descriptor][0] * (2 if recipe.pose_alignment else 1)


def estimate_costs(recipe: Recipe, listing: Listing) -> dict[str, Any]:
    """The models of a recipe, and what these pairs cost with it, as `reproduce` gives them."""
    images = len({key for part in listing.images.values() for key in part})
    if recipe.pose_alignment:
        images += len({pair.source for pair in listing.pairs})
    operations, megabytes, seconds = COSTS[recipe.descriptor]
    return {
        "models": [
            {"name": model.name, "size": model.size, "here": cached(model.name) is not None}
            for model in find_models(recipe.descriptor)
        ],
        "images": images,
        "pairs": len(listing.pairs),
        "network_seconds": images * operations / SPEED,
        "processor_seconds": len(listing.pairs) * seconds,
        "feature_bytes": round(images * megabytes * 1e6),
    }
