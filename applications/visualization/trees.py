"""The two ways in which a picture takes its features: as feature trees, or with a descriptor."""

from collections.abc import Sequence

import xarray as xr

from ...descriptors import Descriptor
from ...descriptors.errors import IncomparableFeaturesError, OptionError
from ...descriptors.images import ImageLike
from ...descriptors.tree import check_tree


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
