"""Pictures of photographs at any size, and of cells: each pixel has the colour of its cell."""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.features.grids import Grid, at_cells, nearest_cells
from ...descriptors.settings import check_int
from ..resolution import spread

Picture: TypeAlias = npt.NDArray[np.uint8]
"""uint8 (height, width, 3) RGB."""
View: TypeAlias = Callable[[int, int], Picture]
"""What draws a picture of the height and width that it is asked for."""
Mask: TypeAlias = npt.NDArray[np.bool_]

NEUTRAL = (236, 236, 236)
"""The colour of what has none: places outside a mask, cells without a match."""


def paint_cells(
    colors: xr.DataArray,
    *,
    height: int | None = None,
    width: int | None = None,
    mask: Mask | None = None,
) -> Picture:
    """A picture of the whole image with each cell in its colour, uint8 (height, width, 3).

    Cells are shown as they are, with sharp borders half-way between their centres. `colors` are
    (y, x, rgb) from 0 to 1, with NaN, which is light grey, for none; `y` and `x` are in pixels of
    the image, whose size the attributes `image_height` and `image_width` hold, and which is that of
    the picture by default. Along the edge of a mask, bool of the size of the image, the picture is
    cut out: cells that it crosses are shown in part, those whose centre lies outside in the colour
    of the nearest one inside.
    """
    rows, columns = pixel_cells(colors, height, width)
    values = np.asarray(colors.values, dtype=np.float64)
    if mask is not None:
        values = spread(values, at_cells(mask, Grid.of(colors)))
    painted = np.where(np.isfinite(values), np.rint(np.clip(values, 0, 1) * 255), NEUTRAL)
    picture = painted.astype(np.uint8)[rows[:, None], columns[None, :]]
    return picture if mask is None else cut_out(picture, mask)


def cut_out(picture: Picture, mask: Mask, strength: float = 1.0) -> Picture:
    """The picture inside the mask, with a smooth edge, on light grey.

    `strength` is how much of the picture outside gives way to it.
    """
    height, width = picture.shape[:2]
    method = sharp_method(mask.shape, height, width)
    covered = cv2.resize(mask.astype(np.float32), (width, height), interpolation=method)
    # An enlarged edge would be a broad ramp: it is steepened to about one pixel.
    steep = max(1.0, height / mask.shape[0])
    share = np.clip((covered[:, :, None] - 0.5) * steep + 0.5, 0, 1)
    share = 1 - strength * (1 - share)
    mixed = picture * share + np.array(NEUTRAL, dtype=np.float32) * (1 - share)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def pixel_cells(
    grid: xr.DataArray | xr.Dataset, height: int | None = None, width: int | None = None
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The row of cells of each row of pixels, and the column of cells of each column.

    The picture shows the whole image at `height` and `width`, which are those of the image by
    default.
    """
    places = []
    for axis, side, count in (("y", "image_height", height), ("x", "image_width", width)):
        length = int(grid.attrs[side])
        count = length if count is None else count
        positions = (np.arange(count, dtype=np.float64) + 0.5) * (length / count) - 0.5
        places.append(nearest_cells(grid[axis].values, positions))
    return places[0], places[1]


def tint_photograph(pixels: Picture, colors: Picture, strength: float) -> Picture:
    """Colours over what is light and dark in a photograph, which is brought to their size.

    `strength` is the share of the colour, from 0 to 1.
    """
    pixels = resize_photograph(pixels, *colors.shape[:2])
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)[:, :, None]
    return np.asarray(np.rint(colors * strength + grey * (1 - strength)), dtype=np.uint8)


def resize_photograph(pixels: Picture, height: int, width: int) -> Picture:
    """The photograph at another size, sharp."""
    method = sharp_method(pixels.shape, height, width)
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.uint8)


def sharp_method(shape: tuple[int, ...], height: int, width: int) -> int:
    """OpenCV's interpolation for an array of this shape: means to shrink it, cubic to enlarge."""
    return int(cv2.INTER_AREA if height * width < shape[0] * shape[1] else cv2.INTER_CUBIC)


def check_width(width: int) -> int:
    """`width` if it is a number of pixels that a picture can have; `OptionError` if not."""
    return check_int("width", width, minimum=64, maximum=20_000)
