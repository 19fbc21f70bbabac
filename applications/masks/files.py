"""Masks that somebody has drawn."""

from collections.abc import Sequence

import xarray as xr

from ...descriptors import Image, read_mask
from ...descriptors.errors import ImageError, OptionError
from ...descriptors.image.masks import MaskLike
from .base import Mask, Segmenter, image_sizes


class MaskFiles(Segmenter):
    """Masks out of files: bright is the object, in a palette image every index but 0.

    Parameters
    ----------
    paths:
        One mask per image, of the size of the image: the path of an image file, a PIL image or an
        array (height, width), as `read_mask` takes them; None for the whole image.

    Raises
    ------
    OptionError
        There is no mask among the paths.
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

        Raises
        ------
        OptionError
            There are more images than masks, or fewer.
        ImageError
            A mask can't be read, has another size than its image, or is empty.
        """
        if len(sizes) != len(self.paths):
            raise OptionError(f"{len(self.paths)} masks for {len(sizes)} images")
        return [
            _read(path, name, height, width)
            for path, (name, height, width) in zip(self.paths, sizes, strict=True)
        ]


def _read(path: MaskLike | None, image: str, height: int, width: int) -> Mask:
    mask = read_mask(path, height=height, width=width, name=f"the mask of {image}")
    if not mask.any():
        raise ImageError(
            f"{path if isinstance(path, str) or hasattr(path, '__fspath__') else 'the mask'} "
            f"is empty: no pixel of it is bright, so it leaves nothing of {image}",
            hint="a mask is white where the object is",
        )
    return mask
