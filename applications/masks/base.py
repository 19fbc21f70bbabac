"""The interface of all that says where the object in an image is, and masks out of files."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Image, read_image, read_mask
from ...descriptors.errors import ImageError, OptionError
from ...descriptors.features.grids import Grid, at_cells
from ...descriptors.image.masks import MaskLike
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
        """One mask per image, bool (height, width); `ImageError` if there is nothing in one.

        `images` are never None where the class needs pixels, nor `maps`, their feature maps in the
        same order, where it needs maps; one of the two is always there.
        """

    def __call__(
        self, images: Sequence[ImageLike] | None = None, maps: Sequence[xr.DataArray] | None = None
    ) -> list[Mask]:
        """One mask per image, bool (height, width); none of them is empty.

        `maps` are the feature maps of the images out of one `combine`, in the same order; what the
        class doesn't need may be left out. Raises `OptionError` if what it needs is missing, or
        images and maps don't belong together; `ImageError` if an image or a mask can't be read, or
        there is nothing in one of the images.
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


def mask_of(image: Mapping[Any, Any], mask: MaskLike | None, name: str) -> Mask:
    """`read_mask` for the image that the attributes of a feature map or tree name."""
    height, width = int(image["image_height"]), int(image["image_width"])
    return read_mask(mask, height=height, width=width, name=name)


def cells_in_mask(mask: MaskLike | None, fmap: xr.DataArray, *, name: str = "mask") -> Mask:
    """Which cells of a feature map lie in a mask of the size of its image: bool (y, x).

    A cell does if the mask is true at the pixel nearest its centre, as for a matcher. `name` is
    how messages call the mask. Raises `ImageError` for a mask that can't be read, has another size
    than the image, or leaves no cell.
    """
    inside = at_cells(mask_of(fmap.attrs, mask, name), Grid.of(fmap))
    if not inside.any():
        raise ImageError(
            f"{name} leaves no cell of {fmap.attrs['image_name']}: it is smaller than the "
            "distance of the cells",
            hint="give a larger mask, or a descriptor with finer cells",
        )
    return inside


def image_sizes(
    images: Sequence[Image] | None, maps: Sequence[xr.DataArray] | None
) -> list[tuple[str, int, int]]:
    """Name, height and width of each image; `OptionError` if maps and images don't go together."""
    of_images = [(one.name, one.height, one.width) for one in images or ()]
    of_maps = [
        (str(attrs["image_name"]), int(attrs["image_height"]), int(attrs["image_width"]))
        for attrs in (one.attrs for one in maps or ())
    ]
    if images is None:
        return of_maps
    if maps is not None and [one[1:] for one in of_images] != [one[1:] for one in of_maps]:
        raise OptionError(
            "the images and the feature maps are not of the same sizes",
            hint="give the maps of these images, in the same order",
        )
    return of_images


class MaskFiles(Segmenter):
    """Masks out of files: bright is the object, in a palette image every index but 0.

    Raises `OptionError` if there is no mask among the paths.

    Args:
        paths: One mask per image, of its size, as `read_mask` takes it; None for the whole image.
    """

    def __init__(self, paths: Sequence[MaskLike | None]) -> None:
        self.paths = tuple(paths)
        if all(path is None for path in self.paths):
            raise OptionError("there is no mask among the paths")

    def segment(
        self, images: Sequence[Image] | None, maps: Sequence[xr.DataArray] | None
    ) -> list[Mask]:
        """The masks as they are in the files; see `Segmenter.segment`."""
        return self.read(image_sizes(images, maps))

    def read(self, sizes: Sequence[tuple[str, int, int]]) -> list[Mask]:
        """The masks of images of these names, heights and widths.

        Raises `OptionError` if there are more images than masks, or fewer; `ImageError` if a mask
        can't be read, has another size than its image, or is empty.
        """
        if len(sizes) != len(self.paths):
            raise OptionError(f"{len(self.paths)} masks for {len(sizes)} images")
        masks = []
        for path, (image, height, width) in zip(self.paths, sizes, strict=True):
            mask = read_mask(path, height=height, width=width, name=f"the mask of {image}")
            if not mask.any():
                label = path if isinstance(path, (str, os.PathLike)) else "the mask"
                raise ImageError(
                    f"{label} is empty: no pixel of it is bright, so it leaves nothing of {image}",
                    hint="a mask is white where the object is",
                )
            masks.append(mask)
        return masks
