"""The two ways in which an application takes its images: as features, or with a descriptor."""

from collections.abc import Sequence

import xarray as xr

from ..descriptors import Descriptor
from ..descriptors.errors import IncomparableFeaturesError, OptionError
from ..descriptors.features.maps import check_comparable, check_map
from ..descriptors.features.tree import check_tree
from ..descriptors.image.reading import ImageLike


def feature_maps(
    inputs: Sequence[xr.DataArray | ImageLike], descriptor: Descriptor | None = None
) -> list[xr.DataArray]:
    """Feature maps of all inputs, mutually comparable, in order.

    Parameters
    ----------
    inputs:
        Feature maps (channel, y, x) out of one `combine`, which are taken as they are; or images,
        from which the descriptor makes them.
    descriptor:
        What describes images; not needed, and not used, for maps.

    Raises
    ------
    IncomparableFeaturesError
        Maps of different bases, or maps and images together.
    InvalidFeaturesError
        An array with the dimensions of a map breaks what a map promises.
    OptionError
        Images without a descriptor.
    ImageError
        An image can't be read.
    """
    maps = [one for one in inputs if isinstance(one, xr.DataArray)]
    images = [one for one in inputs if not isinstance(one, xr.DataArray)]
    if maps and images:
        raise IncomparableFeaturesError(
            "a feature map and an image can't be compared: the image has no map of that basis",
            hint="give feature maps of all images out of one combine, or images only",
        )
    if images:
        if descriptor is None:
            raise OptionError(
                "images need a descriptor", hint="give descriptor=..., or feature maps"
            )
        return descriptor(*images)
    for one in maps:
        check_map(one)
        check_comparable(maps[0], one)
    return maps


def feature_trees(
    inputs: Sequence[xr.DataTree | ImageLike], descriptor: Descriptor | None = None
) -> list[xr.DataTree]:
    """Feature trees of all inputs, in order: as they are, or extracted from images.

    Raises
    ------
    IncomparableFeaturesError
        Trees and images together.
    InvalidFeaturesError
        A tree breaks the schema.
    OptionError
        No input; images without a descriptor.
    ImageError
        An image can't be read.
    """
    if len(inputs) == 0:
        raise OptionError("no image given")
    trees = [one for one in inputs if isinstance(one, xr.DataTree)]
    images = [one for one in inputs if not isinstance(one, xr.DataTree)]
    if trees and images:
        raise IncomparableFeaturesError(
            "feature trees and images can't be given together",
            hint="extract the trees of the images first, or give images only",
        )
    if images:
        if descriptor is None:
            raise OptionError(
                "images need a descriptor", hint="give descriptor=..., or feature trees"
            )
        return descriptor.extract(images)
    for tree in trees:
        check_tree(tree, f"the feature tree of {tree.attrs.get('image_name', '?')}")
    return trees
