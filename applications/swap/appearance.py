"""The colours of an instance, ready to be read between its pixels."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from .field import Field

_SAMPLES = 256
"""At how many places along the shorter side of the image the flow is looked at."""
_SHRUNK = 1.15
"""From which reduction on the finer detail of the target would alias."""


def grown(pixels: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The image with the colours of the mask's border grown over all that lies outside.

    Interpolation at the border then mixes in nothing of the background.
    """
    if mask.all():
        return pixels
    nearest = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return np.asarray(pixels[tuple(nearest)])


def without_detail(pixels: npt.NDArray[np.uint8], reduction: float) -> npt.NDArray[np.uint8]:
    """The image without what can't be seen once it is reduced so many times."""
    if reduction < _SHRUNK:
        return pixels
    sigma = 0.5 * (reduction**2 - 1) ** 0.5
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def reduction(flow_x: Field, flow_y: Field) -> float:
    """How many times smaller the target's instance becomes, by the median over the flow.

    The root of the area that one pixel of the source covers in the target.
    """
    step = max(1, min(flow_x.shape) // _SAMPLES)
    if min(flow_x.shape) < 2 * step:
        return 1.0
    x_y, x_x = np.gradient(flow_x[::step, ::step], step)
    y_y, y_x = np.gradient(flow_y[::step, ::step], step)
    area = np.abs((1 + x_x) * (1 + y_y) - x_y * y_x)
    known = np.isfinite(area)
    return float(np.sqrt(np.median(area[known]))) if known.any() else 1.0
