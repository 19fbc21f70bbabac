"""Middlebury .flo files.

Baker et al., "A database and evaluation methodology for optical flow" (IJCV 2011), and the code
beside its data: the float32 202021.25, which reads PIEH in a file of the right byte order; width
and height as int32; then u and v of each pixel, row by row, as float32. All little-endian.
"""

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...descriptors.runtime.atomic import whole_file
from .fields import FlowError, check_pixels, known_places, pixel_flow

MAGIC = 202021.25
_UNKNOWN = 1e10
_KNOWN_BELOW = 1e9
"""A component beyond this means that the flow there is unknown."""
_HEAD = struct.Struct("<fii")


def write_flo(flow: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a flow as a Middlebury .flo file; places without a valid flow hold 1e10.

    Parameters
    ----------
    flow:
        `flow_x` and `flow_y` over (y, x), one vector for each pixel of the source.
    path:
        The file, which is written whole or not at all.

    Raises
    ------
    FlowError
        The flow is none, or lies on coarser cells than pixels.
    OutputError
        The file can't be written.
    """
    check_pixels(flow, "a .flo file")
    vectors = np.stack([flow["flow_x"].values, flow["flow_y"].values], axis=-1).astype("<f4")
    vectors[~known_places(flow)] = _UNKNOWN
    height, width = vectors.shape[:2]
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(_HEAD.pack(MAGIC, width, height))
        file.write(vectors.tobytes())


def read_flo(path: str | os.PathLike[str]) -> xr.Dataset:
    """The flow of a Middlebury .flo file.

    Returns
    -------
    xarray.Dataset
        Over (y, x), the pixels: `flow_x` and `flow_y`, float32 in pixels, NaN where the file says
        that they are unknown (a component beyond 1e9, or NaN); `valid`, bool.

    Raises
    ------
    FlowError
        The file can't be read, is no .flo file, or is cut off.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            width, height = _read_size(file, name)
            vectors = np.frombuffer(file.read(), dtype="<f4").reshape(height, width, 2)
    except OSError as error:
        raise FlowError(f"cannot read {name}: {error.strerror or error}") from error
    # NaN is not below anything.
    known = (np.abs(vectors) < _KNOWN_BELOW).all(axis=2)
    x, y = (np.where(known, vectors[:, :, k], np.nan).astype(np.float32) for k in range(2))
    return pixel_flow(x, y)


def _read_size(file: Any, name: str) -> tuple[int, int]:
    """Width and height, after the beginning and the length of the file were checked."""
    length = os.fstat(file.fileno()).st_size
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or head[:4] != struct.pack("<f", MAGIC):
        raise FlowError(
            f"{name} is not a Middlebury .flo file", hint="such a file begins with the bytes PIEH"
        )
    _, width, height = _HEAD.unpack(head)
    if width < 1 or height < 1:
        raise FlowError(f"{name} is damaged: it says that it holds {width} x {height} vectors")
    expected = _HEAD.size + 8 * width * height
    if length != expected:
        raise FlowError(
            f"{name} is damaged or cut off: {width} x {height} vectors take {expected} bytes, "
            f"and it has {length}",
            hint="make or download the file again",
        )
    return width, height
