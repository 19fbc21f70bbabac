"""Masks read as they stand in their files."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ....descriptors.decoding import MAX_PIXELS, decoding, opened, upright
from ....descriptors.errors import ImageError
from .errors import DatasetError


def read_labels(path: Path) -> npt.NDArray[np.uint8]:
    """The values of a mask, uint8 (height, width): of a palette image the indices, else the grey.

    Raises `DatasetError` for a file that is missing or no such image.
    """
    try:
        with opened(path, MAX_PIXELS) as file, decoding(str(path)):
            image = upright(file, str(path), MAX_PIXELS)
            if image.mode == "1":
                return np.asarray(image).astype(np.uint8)
            return np.array(image if image.mode in ("P", "L") else image.convert("L"))
    except ImageError as error:
        raise DatasetError(error.message, hint=error.hint) from error
