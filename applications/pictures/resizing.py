"""Photographs at other sizes, for drawings and for networks; without SciPy, which takes long."""

import cv2
import numpy as np
import numpy.typing as npt


def resize_photograph(
    pixels: npt.NDArray[np.uint8], height: int, width: int
) -> npt.NDArray[np.uint8]:
    """The photograph at another size, sharp."""
    method = sharp_method(pixels.shape, height, width)
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.uint8)


def sharp_method(shape: tuple[int, ...], height: int, width: int) -> int:
    """OpenCV's interpolation for an array of this shape: means to shrink it, cubic to enlarge."""
    return int(cv2.INTER_AREA if height * width < shape[0] * shape[1] else cv2.INTER_CUBIC)
