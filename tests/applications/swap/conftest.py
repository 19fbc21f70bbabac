"""Feature maps whose correspondences are known, and a photograph with a warped copy."""

from typing import Any

import cv2
import numpy as np
import pytest
import xarray as xr
from descr.descriptors import SIFT
from support.copies import CodedMap, Copy


@pytest.fixture
def coded_map() -> CodedMap:
    """Makes a map in which every cell has features of its own, those that `codes` numbers."""

    def make(height: int, width: int, codes: Any) -> xr.DataArray:
        numbers = np.asarray(codes)
        vectors = np.random.default_rng(0).normal(size=(numbers.max() + 1, 64))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        centres = [
            (np.arange(count) + 0.5) * length / count - 0.5
            for count, length in zip(numbers.shape, (height, width), strict=True)
        ]
        return xr.DataArray(
            np.moveaxis(vectors[numbers], 2, 0).astype(np.float32),
            dims=("channel", "y", "x"),
            coords={"y": centres[0], "x": centres[1]},
            attrs={
                "image_name": "coded",
                "image_height": height,
                "image_width": width,
                "image_sha256": "",
                "descriptor": "coded",
                "basis": "coded",
            },
        )

    return make


@pytest.fixture(scope="session")
def copy(chelsea: np.ndarray) -> Copy:
    """The cat, and a copy of another size that is closer, turned and tilted."""
    size = 460, 320
    shown = np.array([(38, 22), (424, 6), (438, 286), (26, 270)], dtype=np.float32)
    corners = np.array([(0, 0), (459, 0), (459, 319), (0, 319)], dtype=np.float32)
    homography = cv2.getPerspectiveTransform(shown, corners)
    warped = cv2.warpPerspective(chelsea, homography, size, flags=cv2.INTER_CUBIC)
    mask = np.zeros(chelsea.shape[:2], dtype=np.uint8)
    cv2.ellipse(mask, (215, 150), (120, 110), 0, 0, 360, 1, -1)
    warped_mask = cv2.warpPerspective(mask, homography, size, flags=cv2.INTER_NEAREST) > 0
    maps = SIFT()(chelsea, warped)
    return Copy(chelsea, warped, homography, maps, mask > 0, warped_mask)
