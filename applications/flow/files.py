"""Flow as files: Middlebury's .flo, and the 16-bit PNG of KITTI.

A .flo file is little-endian: the float32 202021.25, which reads PIEH; width and height as int32;
then u and v of each pixel, row by row, as float32 (Baker et al., "A database and evaluation
methodology for optical flow", IJCV 2011, and the code beside its data). In a file of KITTI red and
green hold the displacement times 64, plus 32768, and blue is 1 where it is valid; elsewhere all
three are 0 (Menze and Geiger, "Object scene flow for autonomous vehicles", CVPR 2015, and the
development kit beside its data).
"""

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import xarray as xr

from ...descriptors.runtime.atomic import whole_file
from .fields import FlowError, check_pixels, pixel_flow, valid_places

MAGIC = 202021.25
_UNKNOWN = 1e10
_LIMIT = 1e9
"""A component beyond this means that the flow there is unknown."""
_HEAD = struct.Struct("<fii")
_STEPS = 64
"""Steps of a file of KITTI per pixel."""
_ZERO = 1 << 15


def write_flo(flow: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a flow as a Middlebury .flo file; places without a valid flow hold 1e10.

    `flow` has one vector for each pixel of the source. The file is written whole or not at all.

    Raises `FlowError` for what is no flow, or one that lies on coarser cells than pixels;
    `OutputError` if the file can't be written.
    """
    check_pixels(flow, "a .flo file")
    vectors = np.stack([flow["flow_x"].values, flow["flow_y"].values], axis=-1).astype("<f4")
    vectors[~valid_places(flow)] = _UNKNOWN
    height, width = vectors.shape[:2]
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(_HEAD.pack(MAGIC, width, height))
        file.write(vectors.tobytes())


def read_flo(path: str | os.PathLike[str]) -> xr.Dataset:
    """The flow of a Middlebury .flo file.

    Over (y, x), the pixels: `flow_x` and `flow_y`, float32 in pixels, NaN where the file says that
    they are unknown (a component beyond 1e9, or NaN); `valid`, bool.

    Raises `FlowError` if the file can't be read, is no .flo file, or is cut off.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            # What is no such file, however large, is refused before it is read.
            length = os.fstat(file.fileno()).st_size
            width, height = _flo_size(file.read(_HEAD.size), length, name)
            vectors = np.frombuffer(file.read(), dtype="<f4").reshape(height, width, 2)
    except OSError as error:
        raise FlowError(f"cannot read {name}: {error.strerror or error}") from error
    # NaN is not below anything.
    valid = (np.abs(vectors) < _LIMIT).all(axis=2)
    x, y = (np.where(valid, vectors[:, :, k], np.nan).astype(np.float32) for k in range(2))
    return pixel_flow(x, y)


def _flo_size(head: bytes, length: int, name: str) -> tuple[int, int]:
    """Width and height, if the beginning and the length of the file are right."""
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


def write_kitti(flow: xr.Dataset, path: str | os.PathLike[str]) -> int:
    """Write a flow as a 16-bit PNG of KITTI; how many valid vectors it could not hold.

    Components are rounded to 1/64 pixel. The file holds those from -512 to just below 512 pixels:
    a place with a longer one is written as not valid, and counted.

    Takes and raises what `write_flo` does.
    """
    check_pixels(flow, "a KITTI file")
    valid = valid_places(flow)
    vectors = np.stack([flow["flow_x"].values, flow["flow_y"].values], axis=-1)
    steps = np.rint(np.where(valid[:, :, None], vectors, 0.0).astype(np.float64) * _STEPS) + _ZERO
    held = valid & ((steps >= 0) & (steps <= 65535)).all(axis=2)
    picture = np.zeros((*valid.shape, 3), dtype=np.uint16)
    # OpenCV takes the channels as blue, green, red.
    picture[held, 0] = 1
    picture[held, 1] = steps[held, 1]
    picture[held, 2] = steps[held, 0]
    with whole_file(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return int(valid.sum() - held.sum())


def read_kitti(path: str | os.PathLike[str]) -> xr.Dataset:
    """The flow of a 16-bit PNG of KITTI, as `read_flo` gives it.

    Raises `FlowError` for a file that can't be read, or is no such PNG.
    """
    name = os.fspath(path)
    try:
        content = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise FlowError(f"cannot read {name}: {error.strerror or error}") from error
    picture = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if picture is None or picture.dtype != np.uint16 or picture.shape[2:] != (3,):
        raise FlowError(
            f"{name} is not a flow of KITTI",
            hint="such a file is a whole PNG with three channels of 16 bits",
        )
    valid = picture[:, :, 0] > 0
    y, x = (
        np.where(valid, (picture[:, :, k].astype(np.float32) - _ZERO) / _STEPS, np.nan)
        for k in (1, 2)
    )
    return pixel_flow(x.astype(np.float32), y.astype(np.float32))
