"""Masks beside images."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import PIL.Image

from ..errors import ImageError
from .decoding import MAX_PIXELS, open_picture
from .reading import as_array

MaskLike: TypeAlias = str | Path | PIL.Image.Image | npt.NDArray[Any]


def read_mask(
    source: MaskLike | None, *, height: int, width: int, name: str = "mask"
) -> npt.NDArray[np.bool_]:
    """The mask as a boolean array (height, width), upright like its image.

    A pixel belongs to it where its value is above half of the largest, so that masks of {0, 1} and
    of {0, 255} say the same; in a palette image, where its index is not 0.

    Args:
        source: A path to an image file, a PIL image, an array (height, width), or None for the
            whole image.
        height, width: The size of the image that the mask belongs to, in pixels.
        name: How messages call the mask, if it is not a path.

    Raises:
        ImageError: The mask can't be read, or has another size than its image.
    """
    if source is None:
        return np.ones((height, width), dtype=bool)
    label = str(source) if isinstance(source, (str, Path)) else name
    if isinstance(source, (str, Path, PIL.Image.Image)):
        file = Path(source) if isinstance(source, str) else source
        with open_picture(file, MAX_PIXELS, label) as (picture, _):
            values = _mask_values(picture)
    else:
        values = as_array(source, label)
        if values.ndim != 2 or values.dtype.kind not in "buif":
            raise ImageError(
                f"{label} is an array of shape {values.shape} and type {values.dtype}",
                hint="a mask is a boolean array (height, width)",
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ImageError(f"{label} holds NaN or infinite values")
    if values.shape != (height, width):
        raise ImageError(
            f"{label} is {values.shape[1]} x {values.shape[0]} pixels, "
            f"but its image is {width} x {height}",
            hint="a mask has the size of its image",
        )
    if values.dtype == np.bool_:
        return values.copy()
    return np.asarray(values > max(float(values.max()), 0.0) / 2)


def _mask_values(image: PIL.Image.Image) -> npt.NDArray[Any]:
    if image.mode == "P":
        return np.asarray(np.asarray(image) != 0)
    if image.mode == "1" or image.mode.startswith("I") or image.mode == "F":
        return np.asarray(image)
    return np.asarray(image.convert("L"))
