"""The colours of an instance, read between its pixels and joined to the image they are put into."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, distance_transform_edt

from ..resolution import nearest_inside, strips, window
from .membrane import membrane

Picture = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Blend = Literal["none", "feather", "poisson"]
BLENDS: tuple[Blend, ...] = get_args(Blend)

_FEATHER = 0.01  # width of the feather as a share of the root of the mask's area
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
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


def feather_weights(mask: Mask, width: float) -> npt.NDArray[np.float64]:
    """How much of the inside shows at each pixel: float64 (y, x), 0 outside the mask.

    From the mask's border, which lies half a pixel outside its outermost pixels, the weight rises
    as a straight line and reaches 1 `width` pixels inside. The edge of the image is no border.
    """
    if mask.all():
        return np.ones(mask.shape)
    inside = np.asarray(distance_transform_edt(mask)) - 0.5
    return np.where(mask, np.clip(inside / max(width, 0.5), 0.0, 1.0), 0.0)


def blend_into(
    image: Picture, swapped: Picture, mask: Mask, *, blend: Blend, width: float | None = None
) -> Picture:
    """The image with the swapped pixels in the mask, uint8 (y, x, rgb); the rest as it was.

    The swapped pixels, uint8 (y, x, rgb), are read in the mask and one pixel around it. `none`
    takes them as they are, `feather` fades them in from the border of the mask on, and `poisson`
    keeps their gradients and shifts their colours so that at the border they continue those of the
    image (Pérez et al., "Poisson Image Editing", SIGGRAPH 2003). The blend reaches `width` pixels
    into the mask; by default a hundredth of its size for a feather, and all of it with `poisson`.
    """
    result = image.copy()
    part = window(mask, 1)
    inside = mask[part]
    own, other = image[part], swapped[part]
    colors = _colors(own, other, inside, blend, width)
    # A strip at a time: in float64 all colours take many times what the picture does.
    for rows in strips(*inside.shape) if inside.size else ():
        mixed = colors(own[rows], other[rows], rows)[inside[rows]]
        result[part][rows][inside[rows]] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result


def _colors(
    image: Picture, swapped: Picture, mask: Mask, blend: Blend, width: float | None
) -> Callable[..., npt.NDArray[np.floating[Any]]]:
    """What mixes the colours of both images in a strip of rows."""
    if blend == "poisson":
        # What Poisson cloning adds to the colours: what they lack at the border, and inside
        # the harmonic continuation of it.
        around = binary_dilation(mask, _CROSS)
        missing = np.where(around[:, :, None], image.astype(np.float64) - swapped, 0)
        shift = membrane(missing, mask, reach=width)
        return lambda _, there, rows: there + shift[rows]
    if blend == "feather":
        size = _FEATHER * float(np.sqrt(mask.sum())) if width is None else width
        weight = feather_weights(mask, size)[:, :, None]
        return lambda here, there, rows: weight[rows] * there + (1 - weight[rows]) * here
    return lambda _, there, rows: there.astype(np.float64)
