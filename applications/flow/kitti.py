"""Flow as the 16-bit PNG files of the KITTI benchmark.

Menze and Geiger, "Object scene flow for autonomous vehicles" (CVPR 2015), and the development kit
beside its data: red and green hold the displacement times 64, plus 32768; blue is 1 where it is
valid. Elsewhere all three are 0.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import xarray as xr

from ...descriptors.runtime.atomic import whole_file
from .fields import FlowError, check_pixels, known_places, pixel_flow

_STEPS = 64
"""Steps per pixel."""
_ZERO = 1 << 15


def write_kitti(flow: xr.Dataset, path: str | os.PathLike[str]) -> int:
    """Write a flow as a 16-bit PNG of KITTI; how many valid vectors it could not hold.

    Components are rounded to 1/64 pixel. The file holds those from -512 to just below 512 pixels:
    a place with a longer one is written as not valid, and counted.

    Takes and raises what `write_flo` does.
    """
    check_pixels(flow, "a KITTI file")
    known = known_places(flow)
    vectors = np.stack([flow["flow_x"].values, flow["flow_y"].values], axis=-1)
    steps = np.rint(np.where(known[:, :, None], vectors, 0.0).astype(np.float64) * _STEPS) + _ZERO
    held = known & ((steps >= 0) & (steps <= 65535)).all(axis=2)
    picture = np.zeros((*known.shape, 3), dtype=np.uint16)
    # OpenCV takes the channels as blue, green, red.
    picture[held, 0] = 1
    picture[held, 1] = steps[held, 1]
    picture[held, 2] = steps[held, 0]
    with whole_file(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return int(known.sum() - held.sum())


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
    known = picture[:, :, 0] > 0
    y, x = (
        np.where(known, (picture[:, :, k].astype(np.float32) - _ZERO) / _STEPS, np.nan)
        for k in (1, 2)
    )
    return pixel_flow(x.astype(np.float32), y.astype(np.float32))
