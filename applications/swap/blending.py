"""How swapped pixels join the image that they are put into."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, distance_transform_edt

from ..regions import window
from ..resolution import strips
from .membrane import membrane

Blend = Literal["none", "feather", "poisson"]
BLENDS: tuple[Blend, ...] = get_args(Blend)

_FEATHER = 0.01  # width of the feather as a share of the root of the mask's area
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)


def feather_weights(mask: npt.NDArray[np.bool_], width: float) -> npt.NDArray[np.float64]:
    """How much of the inside shows at each pixel: float64 (y, x), 0 outside the mask.

    From the mask's border, which lies half a pixel outside its outermost pixels, the weight rises
    as a straight line and reaches 1 `width` pixels inside. The edge of the image is no border.
    """
    if mask.all():
        return np.ones(mask.shape)
    inside = np.asarray(distance_transform_edt(mask)) - 0.5
    return np.where(mask, np.clip(inside / max(width, 0.5), 0.0, 1.0), 0.0)


def blend_into(
    image: npt.NDArray[np.uint8],
    swapped: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    *,
    blend: Blend,
    width: float | None = None,
) -> npt.NDArray[np.uint8]:
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
    image: npt.NDArray[np.uint8],
    swapped: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    blend: Blend,
    width: float | None,
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
