"""Images in, labelled feature maps out."""

from typing import Any

from .backbone import Backbone, Layer
from .base import Descriptor
from .combine import combine
from .fused import Fused
from .images import Image, read_image, read_mask
from .registry import Registry
from .sampling import sample_features
from .sift import SIFT

REGISTRY: Registry[Descriptor] = Registry(
    kind="descriptor",
    base=Descriptor,  # type: ignore[type-abstract]
    builtin={"sift": "descr.descriptors.sift:SIFT"},
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


__all__ = [
    "SIFT",
    "Backbone",
    "Descriptor",
    "Fused",
    "Image",
    "Layer",
    "available",
    "combine",
    "create",
    "read_image",
    "read_mask",
    "sample_features",
]
