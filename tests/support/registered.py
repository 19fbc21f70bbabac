"""Every registered descriptor, with tiny models in place of weights that would be downloaded."""

from typing import Any

from descr.descriptors import Descriptor, create

from .models import DINOV2, STABLE_DIFFUSION

_SD: dict[str, Any] = {"model": str(STABLE_DIFFUSION), "size": 128}
_DINOV2: dict[str, Any] = {"model": str(DINOV2), "size": 112}
_TINY: dict[str, dict[str, Any]] = {
    "sd": {**_SD, "device": "cpu"},
    "dinov2": {**_DINOV2, "device": "cpu"},
    "fused": {"sd": _SD, "dinov2": _DINOV2, "device": "cpu"},
    "dift": {**_SD, "device": "cpu"},
}


def create_tiny(name: str, **options: Any) -> Descriptor:
    """The descriptor of this name, small enough for a test, with these options besides."""
    return create(name, **{**_TINY.get(name, {}), **options})
