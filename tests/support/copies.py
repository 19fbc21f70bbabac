"""What the tests of correspondences between a photograph and a copy of it are given."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import xarray as xr

CodedMap = Callable[..., xr.DataArray]
"""Makes a feature map of a height and a width whose cells have the features of their codes."""


@dataclass(frozen=True)
class Copy:
    """A photograph, a copy of it under a homography, their maps and the instance in both."""

    image: np.ndarray
    warped: np.ndarray
    homography: np.ndarray
    maps: list[xr.DataArray]
    mask: np.ndarray
    warped_mask: np.ndarray

    def truth(self) -> np.ndarray:
        """The displacement of each pixel of the image, float64 (y, x, 2)."""
        height, width = self.mask.shape
        at = np.stack(np.meshgrid(np.arange(float(width)), np.arange(float(height))), axis=-1)
        moved = cv2.perspectiveTransform(at.reshape(1, -1, 2), self.homography)[0]
        return moved.reshape(at.shape) - at
