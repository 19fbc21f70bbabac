"""The interface of every descriptor."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import PIL.Image
import xarray as xr

from .combination.combine import combine
from .errors import OptionError
from .image.reading import Image, ImageLike
from .settings import Configurable


class Descriptor(Configurable, ABC):
    """Images in, labelled features out.

    A subclass writes `extract`; calling the descriptor gives maps that are ready for a matcher.
    For a network on one canvas derive from `Backbone`, which asks for less.
    """

    @abstractmethod
    def extract(self, images: Sequence[ImageLike]) -> list[xr.DataTree]:
        """Feature trees, one per image, in order.

        Parameters
        ----------
        images:
            Paths, PIL images, or arrays (height, width[, 3]).

        Returns
        -------
        list of xarray.DataTree
            One group `/<source>/<layer>` per layer with `features` (channel, y, x), float32, and
            the centres `y`, `x` of its cells in pixels of the upright image.

        Raises
        ------
        ImageError
            An image can't be read or used.
        """

    @property
    def recipe(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What each layer of its feature trees will say of itself, by "source/layer".

        A tree whose layers say the same needs no new extraction. The precision and the variant
        of the weights are among it, for the device that the descriptor is on. None for a
        descriptor that can't tell without extracting.
        """
        return None

    def __call__(self, *images: ImageLike) -> list[xr.DataArray]:
        """Feature maps, one per image, mutually comparable: `combine(self.extract(images))`.

        Each is float32 (channel, y, x) with cells of unit length. Raises `ImageError` as
        `extract` does.
        """
        return combine(self.extract(images))


def as_image_list(images: Sequence[ImageLike]) -> list[ImageLike]:
    """The images as a list; `OptionError` for a single image, which is not a list of them."""
    one = isinstance(images, (str, bytes, PIL.Image.Image, Image)) or hasattr(images, "shape")
    if one or not hasattr(images, "__iter__"):
        raise OptionError("extract takes a list of images", hint="write extract([image])")
    listed = list(images)
    if not listed:
        raise OptionError("no image given")
    return listed
