"""The colours of an instance, ready to be read between its pixels."""

import cv2
import numpy as np
import numpy.typing as npt

from ..regions import nearest_inside

Picture = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]

_SAMPLES = 256  # at how many places along the shorter side of the image the flow is looked at
_SHRUNK = 1.15  # from which reduction on the finer detail of the target would alias


def extend_instance(pixels: Picture, mask: npt.NDArray[np.bool_], *, margin: int = 0) -> Picture:
    """The image, and `margin` pixels on each side, with what lies outside the mask made up.

    There the instance goes on as its mirror image about the border of the mask, and where that
    leaves the mask as the nearest colour. Interpolation at the border then mixes in nothing of the
    background, and what the image doesn't show has at least the right texture.
    """
    inside = np.pad(mask, margin)
    padded = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)))
    if inside.all():
        return padded
    y, x = (~inside).nonzero()
    border_y, border_x = nearest_inside(inside)[:, y, x]
    row = (2 * border_y - y).clip(0, inside.shape[0] - 1)
    column = (2 * border_x - x).clip(0, inside.shape[1] - 1)
    mirrored = inside[row, column]
    padded[y, x] = padded[np.where(mirrored, row, border_y), np.where(mirrored, column, border_x)]
    return padded


def overhang(flow_x: Numbers, flow_y: Numbers, height: int, width: int) -> int:
    """How many pixels beyond an image of this size the flow leads, at most half its longer side."""
    rows, columns = flow_x.shape
    x, y = np.arange(columns) + flow_x, np.arange(rows)[:, None] + flow_y
    beyond = max(
        float(np.nanmax(part, initial=0.0)) for part in (-x, x - (width - 1), -y, y - (height - 1))
    )
    return min(int(np.ceil(beyond)), max(height, width) // 2)


def without_detail(pixels: Picture, reduction: float) -> Picture:
    """The image without what can't be seen once it is reduced so many times."""
    if reduction < _SHRUNK:
        return pixels
    sigma = 0.5 * (reduction**2 - 1) ** 0.5
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def reduction(flow_x: Numbers, flow_y: Numbers) -> float:
    """How many times smaller the target's instance becomes, by the median over the flow.

    The root of the area that one pixel of the source covers in the target.
    """
    step = max(1, min(flow_x.shape) // _SAMPLES)
    if min(flow_x.shape) < 2 * step:
        return 1.0
    x_y, x_x = np.gradient(flow_x[::step, ::step], step)
    y_y, y_x = np.gradient(flow_y[::step, ::step], step)
    area = np.abs((1 + x_x) * (1 + y_y) - x_y * y_x)
    finite = np.isfinite(area)
    return float(np.sqrt(np.median(area[finite]))) if finite.any() else 1.0
