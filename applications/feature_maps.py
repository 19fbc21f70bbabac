"""The two ways in which an application takes its images: as features, or with a descriptor."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import xarray as xr

from ..descriptors import Descriptor
from ..descriptors.errors import IncomparableFeaturesError, OptionError
from ..descriptors.features.maps import check_comparable, check_map
from ..descriptors.features.tensors import FeatureMap, Features
from ..descriptors.features.tree import check_tree
from ..descriptors.image.reading import ImageLike

MapOrImage: TypeAlias = xr.DataArray | FeatureMap | ImageLike
TreeOrImage: TypeAlias = xr.DataTree | Features | ImageLike


def feature_maps(
    inputs: Sequence[MapOrImage], descriptor: Descriptor | None = None
) -> list[xr.DataArray]:
    """Feature maps of all inputs, mutually comparable, in order.

    Args:
        inputs: Feature maps (channel, y, x) out of one `combine`, in either form, or images.
        descriptor: What describes images; not used for maps.

    Raises:
        IncomparableFeaturesError: Maps of different bases, or maps and images together.
        InvalidFeaturesError: An array with the dimensions of a map breaks what a map promises.
        OptionError: Images without a descriptor.
        ImageError: An image can't be read.
    """
    if images := only_images(inputs):
        return _required(descriptor, "feature maps")(*images)
    forms: list[Any] = [one.to_xarray() if isinstance(one, FeatureMap) else one for one in inputs]
    maps = [one for one in forms if isinstance(one, xr.DataArray)]
    if len(maps) < len(inputs):
        raise IncomparableFeaturesError(
            "a feature map and an image can't be compared: the image has no map of that basis",
            hint="give feature maps of all images out of one combine, or images only",
        )
    for one in maps:
        check_map(one)
        check_comparable(maps[0], one)
    return maps


def feature_trees(
    inputs: Sequence[TreeOrImage], descriptor: Descriptor | None = None
) -> list[xr.DataTree]:
    """Feature trees of all inputs, in order: as they are, of tensors, or extracted from images.

    Raises:
        IncomparableFeaturesError: Trees and images together.
        InvalidFeaturesError: A tree breaks the schema.
        OptionError: No input; images without a descriptor.
        ImageError: An image can't be read.
    """
    if len(inputs) == 0:
        raise OptionError("no image given")
    if images := only_images(inputs):
        return _required(descriptor, "feature trees").extract(images)
    forms: list[Any] = [one.to_tree() if isinstance(one, Features) else one for one in inputs]
    trees = [one for one in forms if isinstance(one, xr.DataTree)]
    if len(trees) < len(inputs):
        raise IncomparableFeaturesError(
            "feature trees and images can't be given together",
            hint="extract the trees of the images first, or give images only",
        )
    for tree in trees:
        check_tree(tree, f"the feature tree of {tree.attrs.get('image_name', '?')}")
    return trees


def as_feature_map(fmap: xr.DataArray | FeatureMap, name: str) -> FeatureMap:
    """The map as tensors; `name` is how messages call it. Raises as `FeatureMap` does."""
    return fmap if isinstance(fmap, FeatureMap) else FeatureMap.from_xarray(fmap, name=name)


def image_size(features: xr.DataArray | FeatureMap) -> tuple[int, int]:
    """Height and width, in pixels, of the image that a feature map is of."""
    return int(features.attrs["image_height"]), int(features.attrs["image_width"])


def only_images(inputs: Sequence[Any]) -> list[ImageLike]:
    """The inputs if all of them are images; none if features are among them.

    Raises `OptionError` for one path, whose letters are no images.
    """
    if isinstance(inputs, str):
        raise OptionError(f"a list of images is needed, not {inputs!r}", hint=f"give [{inputs!r}]")
    features = (xr.DataArray, FeatureMap, xr.DataTree, Features)
    return [] if any(isinstance(one, features) for one in inputs) else list(inputs)


def _required(descriptor: Descriptor | None, other: str) -> Descriptor:
    if descriptor is None:
        raise OptionError("images need a descriptor", hint=f"give descriptor=..., or {other}")
    return descriptor
