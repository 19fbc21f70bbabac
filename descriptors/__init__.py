"""Images in, labelled feature maps out."""

from typing import TYPE_CHECKING, Any

from .lazy import lazy_names
from .registry import Registry

if TYPE_CHECKING:
    from .backbone import Backbone
    from .base import Descriptor
    from .combination.basis import Basis
    from .combination.combine import combine
    from .diagnosis import diagnose
    from .features.sampling import sample_features
    from .features.tensors import FeatureMap, Features
    from .image.masks import read_mask
    from .image.reading import Image, read_image
    from .layer import Layer
    from .models.diffusion.stable_diffusion import StableDiffusion
    from .models.fused import Fused
    from .models.reconstruction import descriptor_of
    from .models.sift import SIFT
    from .models.vit.dinov2 import DINOv2
    from .models.vit.dinov3 import DINOv3
    from .models.xfeat import XFeat
    from .runtime.cluster import on_workers, open_cluster
    from .store import FeatureStore, load_features, open_store, save_features
    from .weights.find import best_descriptor

# Imported when they are first asked for: names can be listed, completed and refused at once.
__getattr__ = lazy_names(__name__)

REGISTRY: "Registry[Descriptor]" = Registry(
    kind="descriptor",
    base=f"{__name__}.base:Descriptor",
    builtin={
        "fused": f"{__name__}.models.literature:tale_of_two_features",
        "dinov2": f"{__name__}.models.vit.dinov2:DINOv2",
        "dinov3": f"{__name__}.models.vit.dinov3:DINOv3",
        "sd": f"{__name__}.models.diffusion.stable_diffusion:StableDiffusion",
        "dift": f"{__name__}.models.literature:DIFT",
        "xfeat": f"{__name__}.models.xfeat:XFeat",
        "sift": f"{__name__}.models.sift:SIFT",
    },
    group="descr.descriptors",
)


def available() -> tuple[str, ...]:
    """The names that `create` takes: the built-in ones, then those of other distributions."""
    return REGISTRY.available()


def create(name: str, **options: Any) -> "Descriptor":
    """The descriptor of this name, or at `package.module:Class`, with these options.

    Raises `OptionError` for a name or an option that doesn't exist, with the right ones listed.
    """
    return REGISTRY.create(name, options)


__all__ = [
    "SIFT",
    "Backbone",
    "Basis",
    "DINOv2",
    "DINOv3",
    "Descriptor",
    "FeatureMap",
    "FeatureStore",
    "Features",
    "Fused",
    "Image",
    "Layer",
    "StableDiffusion",
    "XFeat",
    "available",
    "best_descriptor",
    "combine",
    "create",
    "descriptor_of",
    "diagnose",
    "load_features",
    "on_workers",
    "open_cluster",
    "open_store",
    "read_image",
    "read_mask",
    "sample_features",
    "save_features",
]
