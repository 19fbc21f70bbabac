"""The interface of all that says where the object in an image is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Image, read_image
from ...descriptors.errors import ImageError, OptionError
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import Configurable

Mask: TypeAlias = npt.NDArray[np.bool_]
"""bool (height, width), True where the object is."""


class Segmenter(Configurable, ABC):
    """Images that are to be compared in, a mask of each out.

    A subclass writes `segment` and says what it needs for it. The checks are inherited:

        class Bright(Segmenter):
            needs_pixels = True

            def segment(self, images, maps):
                return [image.pixels.mean(axis=2) > 128 for image in images]
    """

    needs_pixels: ClassVar[bool] = False
    """Whether `segment` looks at the images themselves."""
    needs_maps: ClassVar[bool] = False
    """Whether `segment` looks at the feature maps of the images."""

    @abstractmethod
    def segment(
        self, images: Sequence[Image] | None, maps: Sequence[xr.DataArray] | None
    ) -> list[Mask]:
        """One mask per image, bool (height, width); True where the object is.

        Parameters
        ----------
        images:
            The images that are to be compared; never None where the class needs pixels.
        maps:
            Their feature maps, in the same order; never None where the class needs maps. One of
            the two is always given.

        Raises
        ------
        ImageError
            There is nothing in one of the images.
        """

    def __call__(
        self,
        images: Sequence[ImageLike] | None = None,
        maps: Sequence[xr.DataArray] | None = None,
    ) -> list[Mask]:
        """One mask per image, bool (height, width); none of them is empty.

        Parameters
        ----------
        images:
            Paths, PIL images or arrays. They may be left out where the class needs no pixels.
        maps:
            Their feature maps out of one `combine`, in the same order. They may be left out where
            the class needs no maps.

        Raises
        ------
        OptionError
            What the class needs is not given, or images and maps don't belong together.
        ImageError
            An image or a mask can't be read, or there is nothing in one of the images.
        """
        kind = type(self).__name__
        if images is None and (self.needs_pixels or maps is None):
            raise OptionError(f"{kind} needs the images")
        if maps is None and self.needs_maps:
            raise OptionError(f"{kind} needs the feature maps of the images")
        read = None if images is None else [read_image(image) for image in images]
        sizes = image_sizes(read, maps)
        masks = self.segment(read, maps)
        for (name, height, width), mask in zip(sizes, masks, strict=True):
            if mask.dtype != np.bool_ or mask.shape != (height, width):
                raise ImageError(
                    f"{kind}: the mask of {name} is {mask.dtype} {mask.shape}, expected bool "
                    f"{(height, width)}"
                )
            if not mask.any():
                raise ImageError(f"{kind}: the mask of {name} is empty")
        return masks


def image_sizes(
    images: Sequence[Image] | None, maps: Sequence[xr.DataArray] | None
) -> list[tuple[str, int, int]]:
    """Name, height and width of each image, by whichever of the two is given.

    Raises `OptionError` if both are and don't belong together.
    """
    of_images = [(one.name, one.height, one.width) for one in images or ()]
    of_maps = [
        tuple(one.attrs[f"image_{name}"] for name in ("name", "height", "width"))
        for one in maps or ()
    ]
    if images is None:
        return [(str(name), int(height), int(width)) for name, height, width in of_maps]
    if maps is not None and [one[1:] for one in of_images] != [one[1:] for one in of_maps]:
        raise OptionError(
            "the images and the feature maps are not of the same sizes",
            hint="give the maps of these images, in the same order",
        )
    return of_images
