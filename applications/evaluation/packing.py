"""Named arrays as bytes and back, bit for bit."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]


def pack(arrays: Arrays) -> bytes:
    """Arrays of numbers or booleans, by name, as bytes that `unpack` turns into the same arrays."""
    head = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    return json.dumps(head).encode() + b"\n" + body


def unpack(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """The arrays, read-only, that `pack` made bytes of; `ValueError` for other bytes."""
    head, newline, _ = data.partition(b"\n")
    at = len(head) + len(newline)
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, (kind, shape) in json.loads(head).items():
        count = int(np.prod(shape))
        dtype = np.dtype(kind)
        arrays[name] = np.frombuffer(data, dtype, count, at).reshape(shape)
        at += count * dtype.itemsize
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes belong to no array")
    return arrays
