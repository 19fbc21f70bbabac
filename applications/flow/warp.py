"""An image seen in the frame of another one."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import map_coordinates, spline_filter

from ...descriptors import read_image
from ...descriptors.errors import ImageError, OptionError
from ...descriptors.features.grids import Grid
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_choice, check_int
from ..resolution import strips
from .fields import flow_vectors

WarpInterpolation = Literal["nearest", "bilinear", "cubic"]
_ORDERS = {"nearest": 0, "bilinear": 1, "cubic": 3}


def warp(
    image: ImageLike,
    flow: xr.Dataset,
    *,
    interpolation: WarpInterpolation = "cubic",
    fill: Sequence[int] = (128, 128, 128),
) -> npt.NDArray[np.uint8]:
    """The target image seen in the frame of the source: uint8 (row, column, 3 or 4).

    Each place of the flow's grid takes the colour of the target at (x + flow_x, y + flow_y),
    between the pixels.
    Raises `ImageError` if the image can't be read, or is not of the size of the flow's target;
    `FlowError` for what is no flow; `OptionError` for what is no interpolation or no colour.

    Args:
        image: The target image, upright, of the size that the flow was found with.
        flow: `flow_x` and `flow_y` over (y, x) in pixels, as `dense_flow` gives them.
        interpolation: `cubic` (splines, sharp), `bilinear` or `nearest`.
        fill: Colour of places without a valid flow, 0 to 255: RGB, or RGBA for a picture with an
            alpha channel, which is 255 elsewhere.
    """
    order = _ORDERS[check_choice("interpolation", interpolation, get_args(WarpInterpolation))]
    if not isinstance(fill, (tuple, list)) or len(fill) not in (3, 4):
        raise OptionError(f"fill must be three or four numbers from 0 to 255, not {fill!r}")
    color = [check_int("fill", value, minimum=0, maximum=255) for value in fill]
    vectors, valid = flow_vectors(flow)
    target = read_image(image)
    height = int(flow.attrs.get("target_height", target.height))
    width = int(flow.attrs.get("target_width", target.width))
    if (height, width) != (target.height, target.width):
        raise ImageError(
            f"{target.name} is {target.width} x {target.height} pixels, but the flow leads to an "
            f"image of {width} x {height}",
            hint="warp the target image, in the size that the flow was found with",
        )
    warped = np.empty((*valid.shape, len(color)), dtype=np.uint8)
    warped[:] = color
    warped[valid, 3:] = 255
    channels = list(np.moveaxis(target.pixels, 2, 0).astype(np.float32))
    if order > 1:
        # The coefficients that splines are read from.
        channels = [spline_filter(one, order, np.float32, mode="mirror") for one in channels]
    grid = Grid.of(flow)
    for rows in strips(*valid.shape):
        here, (flow_x, flow_y) = valid[rows], vectors[:, rows]
        # Beyond its border the image goes on as its edge.
        y = (grid.y[rows, None] + flow_y)[here].clip(0, height - 1)
        x = (grid.x + flow_x)[here].clip(0, width - 1)
        at = np.stack([y, x])
        for k, values in enumerate(channels):
            colors = map_coordinates(values, at, order=order, mode="mirror", prefilter=False)
            warped[rows, :, k][here] = np.clip(np.rint(colors), 0, 255)
    return warped
