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
import numpy.typing as npt
import xarray as xr

from ...descriptors.runtime.atomic import whole_file
from .fields import FlowError, flow_vectors, pixel_flow

_MAGIC = struct.pack("<f", 202021.25)
_HEAD = struct.Struct("<4sii")
_UNKNOWN, _LIMIT = 1e10, 1e9
"""What is written where the flow is unknown; a component beyond the other means the same."""
_STEPS, _ZERO = 64, 1 << 15  # steps of a file of KITTI per pixel, and the one of no displacement


def write_flo(flow: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write a flow as a Middlebury .flo file; places without a valid flow hold 1e10.

    `flow` has one vector for each pixel of the source. The file is written whole or not at all.
    Raises `FlowError` for what is no flow, or one that lies on coarser cells than pixels;
    `OutputError` if the file can't be written.
    """
    vectors, valid = _pixel_vectors(flow, "a .flo file")
    _, height, width = vectors.shape
    pairs = np.where(valid, vectors, _UNKNOWN).transpose(1, 2, 0).astype("<f4")
    with whole_file(path) as temporary:
        temporary.write_bytes(_HEAD.pack(_MAGIC, width, height) + pairs.tobytes())


def _pixel_vectors(
    flow: xr.Dataset, form: str
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]]:
    """`flow_vectors`, if there is one for each pixel, as files of this form have it."""
    vectors = flow_vectors(flow)
    for name in ("y", "x"):
        if not np.array_equal(flow[name].values, np.arange(flow.sizes[name])):
            raise FlowError(
                f"{form} holds a vector for each pixel, and this flow lies on coarser cells",
                hint='take dense_flow(..., grid="image"), or write NetCDF, which keeps coordinates',
            )
    return vectors


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
            pairs = np.frombuffer(file.read(), dtype="<f4").reshape(height, width, 2)
    except OSError as error:
        raise FlowError(f"cannot read {name}: {error.strerror or error}") from error
    vectors = pairs.transpose(2, 0, 1)
    # NaN is not below anything.
    valid = (np.abs(vectors) < _LIMIT).all(axis=0)
    return pixel_flow(np.where(valid, vectors, np.nan).astype(np.float32))


def _flo_size(head: bytes, length: int, name: str) -> tuple[int, int]:
    """Width and height, if the beginning and the length of the file are right."""
    if len(head) < _HEAD.size or head[:4] != _MAGIC:
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
    vectors, valid = _pixel_vectors(flow, "a KITTI file")
    steps = np.rint(np.where(valid, vectors, 0.0).astype(np.float64) * _STEPS) + _ZERO
    held = valid & ((steps >= 0) & (steps <= 65535)).all(axis=0)
    # OpenCV takes the channels as blue, green, red.
    picture = np.where(held, [np.ones(held.shape), steps[1], steps[0]], 0).astype(np.uint16)
    with whole_file(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", picture.transpose(1, 2, 0))[1].tobytes())
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
    valid, *steps = picture.transpose(2, 0, 1).astype(np.float32)
    vectors = (np.stack(steps[::-1]) - _ZERO) / _STEPS
    return pixel_flow(np.where(valid > 0, vectors, np.nan).astype(np.float32))
