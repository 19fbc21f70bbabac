"""What the row of a paper costs before it is run: weights, time and room for features."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ....descriptors.weights import IMAGE_ENCODER, MODELS, Model, cached, find_models
from ..run.listing import Listing
from .papers import PAPERS
from .recipes import CAPTIONER, Recipe

COSTS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {name: tuple(costs) for name, costs in PAPERS["costs"].items()}
)
"""Of a descriptor: TFLOP and MB of features per square image, seconds of one processor per pair."""
CAPTIONS = 1.5
"""TFLOP of the captioner for an image."""
SPEED = 10.0
"""TFLOP per second by which the time of the networks is estimated."""


def teraflops(recipe: Recipe) -> float:
    """TFLOP of the networks for an image, without its mirror image."""
    return COSTS[recipe.descriptor][0] + (CAPTIONS if recipe.captioner else 0)


def estimate_costs(recipe: Recipe, listing: Listing) -> dict[str, Any]:
    """The models of a recipe in full precision, and what these pairs cost with it.

    As `reproduce` gives them. An image encoder is listed only where the captioner is missing.
    """
    models = list(find_models(recipe.descriptor))
    if recipe.captioner_option is not None:
        models += [*([] if recipe.captioner else [MODELS[IMAGE_ENCODER]]), MODELS[CAPTIONER]]
    images = len({key for part in listing.images.values() for key in part})
    if recipe.pose_alignment:
        images += len({pair.source.key for pair in listing.pairs})
    _, megabytes, seconds = COSTS[recipe.descriptor]
    return {
        "models": [
            {"name": model.name, "size": model.full_size, "here": _is_here(model)}
            for model in models
        ],
        "images": images,
        "pairs": len(listing.pairs),
        "network_seconds": images * teraflops(recipe) / SPEED,
        "processor_seconds": len(listing.pairs) * seconds,
        "feature_bytes": round(images * megabytes * 1e6),
    }


def _is_here(model: Model) -> bool:
    checkpoint = cached(model.name, precision="float32")
    return checkpoint is not None and (not model.half or checkpoint.precision == "float32")
