"""What a safetensors file says of itself, read without loading a tensor."""

import json
import os
from pathlib import Path
from typing import Any

from ..errors import WeightsNotFoundError
from .reading import LARGEST, opened


def read_header(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The header of a safetensors file, and its `dtype` ("F32") and `shape` of each tensor by name.

    A file begins with the length of its header (8 bytes, little-endian), then the header, a JSON
    object that gives each tensor its place in the data that follows. So a file that was cut
    short is found without reading its data.

    Raises `WeightsNotFoundError`, naming the file, if it can't be read, is not a safetensors file,
    or is longer or shorter than its header says.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length <= min(LARGEST, size - 8) else b""
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        data = 0
        for one in tensors.values():
            counts = (*one["shape"], *one["data_offsets"])
            if type(one["dtype"]) is not str or any(type(n) is not int or n < 0 for n in counts):
                raise ValueError
            data = max(data, one["data_offsets"][1])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise WeightsNotFoundError(
            f"{path}: is not a safetensors file, or is cut short", hint="get the file again"
        ) from error
    if size != (whole := 8 + length + data):
        raise WeightsNotFoundError(
            f"{path}: is damaged: it has {size:,} bytes and should have {whole:,}",
            hint="get the file again",
        )
    return header, tensors
