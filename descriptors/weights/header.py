"""What a safetensors file says of itself, read without loading a tensor."""

import json
import os
from pathlib import Path
from typing import Any

_LENGTH = 8
_LARGEST_HEADER = 100_000_000
"""The bound that the format's own reader sets."""


def read_header(path: Path) -> bytes:
    """The header of a safetensors file, after checking that the file is as long as it says.

    A file begins with the length of its header (8 bytes, little-endian), then the header, a JSON
    object that gives each tensor its place in the data that follows. So a file that was cut
    short is found without reading its data.

    Raises
    ------
    ValueError
        If it is not a safetensors file, or is longer or shorter than its header says; the
        message says which, and does not name the file.
    OSError
        If it can't be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(_LENGTH), "little")
        if size < _LENGTH or length > min(_LARGEST_HEADER, size - _LENGTH):
            raise ValueError("is not a safetensors file, or is cut short")
        header = file.read(length)
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        data = max((int(one["data_offsets"][1]) for one in tensors.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError("is not a safetensors file: its header can't be read") from error
    if size != _LENGTH + length + data:
        raise ValueError(
            f"is damaged: it has {size:,} bytes and should have {_LENGTH + length + data:,}"
        )
    return header


def read_tensors(path: Path) -> dict[str, Any]:
    """What a safetensors file says of each tensor by name: its `dtype` ("F32") and `shape`.

    Raises as `read_header` does.
    """
    tensors: dict[str, Any] = json.loads(read_header(path))
    tensors.pop("__metadata__", None)
    return tensors
