"""Every registered descriptor, with tiny models in place of weights that would be downloaded."""

from typing import Any

from descr.descriptors import Descriptor, create

from .models import DINOV2, STABLE_DIFFUSION, dinov3

_PLACE = {"device": "cpu", "dtype": "float32"}
_SD: dict[str, Any] = {"model": str(STABLE_DIFFUSION), "size": 128}
_DINOV2: dict[str, Any] = {"model": str(DINOV2), "size": 112}
_TINY: dict[str, dict[str, Any]] = {
    "sd": {**_SD, **_PLACE},
    "dinov2": {**_DINOV2, **_PLACE},
    "dinov3": {"size": 112, **_PLACE},
    "fused": {"sd": _SD, "dinov2": _DINOV2, **_PLACE},
    "dift": {**_SD, **_PLACE},
    "xfeat": {"size": 128, **_PLACE},
}


def create_tiny(name: str, **options: Any) -> Descriptor:
    """The descriptor of this name, small enough for a test, with these options besides."""
    tiny = {"model": str(dinov3())} if name == "dinov3" else {}
    return create(name, **{**_TINY.get(name, {}), **tiny, **options})
