"""Masks and flows read as they stand in their files."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ....descriptors.decoding import MAX_PIXELS, decoding, opened, upright
from ....descriptors.errors import ImageError
from .errors import DatasetError

_MAGIC = b"PIEH"


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


def read_flow(path: Path) -> npt.NDArray[np.float32]:
    """The flow in a Middlebury file, float32 (height, width, 2): along x and y, in pixels.

    What the file calls unknown, a value of more than 1e9, is NaN. Raises `DatasetError` for a file
    that is missing, cut off or something else.
    """
    if not path.is_file():
        raise DatasetError(f"no such file: {path}")
    with path.open("rb") as file:
        header = file.read(12)
    width, height = np.frombuffer(header[4:].ljust(8, b"\0"), "<i4").tolist()
    if header[:4] != _MAGIC or width < 1 or height < 1:
        raise DatasetError(f"{path} is not a Middlebury flow file")
    if path.stat().st_size != 12 + 8 * width * height:
        raise DatasetError(
            f"{path} has {path.stat().st_size} bytes where {width} x {height} pixels need "
            f"{12 + 8 * width * height}",
            hint="it is damaged or cut off: copy it again",
        )
    flow = np.asarray(cv2.readOpticalFlow(str(path)), dtype=np.float32)
    flow[~(np.abs(flow) < 1e9).all(axis=2)] = np.nan
    return flow
