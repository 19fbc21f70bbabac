"""What the row of a paper costs before it is run: weights, time and room for features."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ....descriptors.weights import IMAGE_ENCODER, MODELS, Model, cached, find_models
from ..run.listing import Listing
from .recipes import CAPTIONER, Recipe

COSTS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "dinov2": (1.1, 10.3, 0.02),
        "sd": (6.6, 13.9, 0.7),
        "fused": (7.7, 24.2, 0.7),
        "dift": (11.6, 11.0, 0.02),
    }
)
"""Of a descriptor with its default settings: TFLOP of its networks and MB of features per square
image, and seconds of one processor per pair. The first are counted in the architectures, two for a
multiplication with its addition; the second are the layers, of which lossless files keep 93%; the
last are those of a joint PCA, or of reading an image."""
CAPTIONS = 1.5
"""TFLOP of the captioner for an image."""
SPEED = 10.0
"""TFLOP per second by which the time of the networks is estimated."""


def teraflops(recipe: Recipe) -> float:
    """TFLOP of the networks for an image of the recipe, and for its mirror image if it has one."""
    return _once(recipe) * (2 if recipe.pose_alignment else 1)


def _once(recipe: Recipe) -> float:
    return COSTS[recipe.descriptor][0] + (CAPTIONS if recipe.captioner else 0)


def _models(recipe: Recipe) -> list[dict[str, Any]]:
    """The models that a row takes, in full precision; an image encoder only where it is missing."""
    models = list(find_models(recipe.descriptor))
    if recipe.captioner_option is not None:
        encoder = [] if recipe.captioner else [MODELS[IMAGE_ENCODER]]
        models += [*encoder, MODELS[CAPTIONER]]
    return [
        {"name": model.name, "size": model.full_size, "here": _is_here(model)} for model in models
    ]


def _is_here(model: Model) -> bool:
    checkpoint = cached(model.name, precision="float32")
    return checkpoint is not None and (not model.half or checkpoint.precision == "float32")


def estimate_costs(recipe: Recipe, listing: Listing) -> dict[str, Any]:
    """The models of a recipe, and what these pairs cost with it, as `reproduce` gives them."""
    images = len({key for part in listing.images.values() for key in part})
    sources = len({pair.source for pair in listing.pairs}) if recipe.pose_alignment else 0
    _, megabytes, seconds = COSTS[recipe.descriptor]
    return {
        "models": _models(recipe),
        "images": images + sources,
        "pairs": len(listing.pairs),
        "network_seconds": (images + sources) * _once(recipe) / SPEED,
        "processor_seconds": len(listing.pairs) * seconds,
        "feature_bytes": round((images + sources) * megabytes * 1e6),
    }
