"""The descriptor that is taken where none is named."""

from .weights import MODELS, cached

PREFERENCE = ("fused", "dinov2", "xfeat")
"""The descriptors with weights that are considered, the best first."""
EMBEDDED = "sift"
"""The descriptor that needs no weights."""


def best_descriptor() -> str:
    """The name of the best descriptor whose weights are on this machine, or of the embedded one."""
    models = MODELS.by_descriptor()
    here = (
        name
        for name in PREFERENCE
        if name in models and all(cached(model.name) is not None for model in models[name])
    )
    return next(here, EMBEDDED)
