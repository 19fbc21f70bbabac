"""Images in, labelled feature maps out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .backbone import Backbone
from .base import Descriptor
from .combine import combine
from .fused import Fused
from .images import Image, read_image
from .layer import Layer
from .masks import read_mask
from .registry import Registry
from .sampling import sample_features
from .sift import SIFT

if TYPE_CHECKING:
    from .dinov2 import DINOv2
    from .files import load_features, save_features
    from .models.xfeat import XFeat
    from .reconstruction import descriptor_of
    from .stable_diffusion import StableDiffusion

# Imported when they are first asked for: each brings a library that many programs do without.
_LAZY = {
    "DINOv2": ".dinov2",
    "StableDiffusion": ".stable_diffusion",
    "XFeat": ".models.xfeat",
    "descriptor_of": ".reconstruction",
    "load_features": ".files",
    "save_features": ".files",
}

REGISTRY: Registry[Descriptor] = Registry(
    kind="descriptor",
    base=Descriptor,  # type: ignore[type-abstract]
    builtin={
        "fused": f"{__name__}.literature:tale_of_two_features",
        "dinov2": f"{__name__}.dinov2:DINOv2",
        "sd": f"{__name__}.stable_diffusion:StableDiffusion",
        "dift": f"{__name__}.literature:DIFT",
        "xfeat": f"{__name__}.models.xfeat:XFeat",
        "sift": f"{__name__}.sift:SIFT",
    },
    group="descr.descriptors",
)


def available() -> tuple[str, ...]:
    """The names that `create` takes: the built-in ones, then those of other distributions."""
    return REGISTRY.available()


def create(name: str, **options: Any) -> Descriptor:
    """The descriptor of this name, or at `package.module:Class`, with these options.

    Raises `OptionError` for a name or an option that doesn't exist, with the right ones listed.
    """
    return REGISTRY.create(name, options)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name], __name__), name)


__all__ = [
    "SIFT",
    "Backbone",
    "DINOv2",
    "Descriptor",
    "Fused",
    "Image",
    "Layer",
    "StableDiffusion",
    "XFeat",
    "available",
    "combine",
    "create",
    "descriptor_of",
    "load_features",
    "read_image",
    "read_mask",
    "sample_features",
    "save_features",
]
