"""Files of a model folder that others made: bounded reads, and errors that name the file."""

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import WeightsNotFoundError

LARGEST = 10_000_000
"""Bytes that a config, a vocabulary (CLIP's has 2.2e6) or the header of weights may have."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, open for reading.

    Raises `WeightsNotFoundError`, naming it, if it is missing, can't be read, or is no regular
    file: a pipe would be waited for, and a device has no end.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "is not a regular file")
            yield file
    except FileNotFoundError:
        hint = "the folder must hold a whole model, with its configs"
        raise WeightsNotFoundError(f"{path}: is missing", hint=hint) from None
    except OSError as error:
        raise WeightsNotFoundError(f"{path}: can't be read: {error.strerror}") from error


def read_file(path: Path) -> bytes:
    """All of a file of at most 10 MB; raises `WeightsNotFoundError` as `opened` does."""
    with opened(path) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise WeightsNotFoundError(
            f"{path}: is larger than {LARGEST // 10**6} MB, which no such file of a model is"
        )
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; raises `WeightsNotFoundError`, too, if it holds none."""
    content = read_file(path)
    try:
        value = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise WeightsNotFoundError(f"{path}: can't be read as JSON: {shorten(error)}") from error
    if not isinstance(value, dict):
        raise WeightsNotFoundError(f"{path}: is not a JSON object")
    return value


def read_header(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The header of a safetensors file, and its `dtype` ("F32") and `shape` of each tensor by name.

    A file begins with the length of its header (8 bytes, little-endian), then the header, a JSON
    object that gives each tensor its place in the data that follows.

    Raises `WeightsNotFoundError`, naming the file, if it can't be read, is not a safetensors file,
    or is longer or shorter than its header says.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length <= min(LARGEST, size - 8) else b""
    try:
        tensors, data = _parse_header(header)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        fault = f"{path}: is not a safetensors file, or is cut short"
        raise WeightsNotFoundError(fault, hint="get the file again") from error
    if size != (whole := 8 + length + data):
        fault = f"{path}: is damaged: it has {size:,} bytes and should have {whole:,}"
        raise WeightsNotFoundError(fault, hint="get the file again")
    return header, tensors


# A header is read when weights are looked for, told apart and loaded, and parsed once.
@lru_cache(maxsize=32)
def _parse_header(header: bytes) -> tuple[dict[str, Any], int]:
    """The tensors of a header, and how many bytes of data they take."""
    tensors = json.loads(header)
    tensors.pop("__metadata__", None)
    data = 0
    for one in tensors.values():
        counts = (*one["shape"], *one["data_offsets"])
        if type(one["dtype"]) is not str or any(type(n) is not int or n < 0 for n in counts):
            raise ValueError
        data = max(data, one["data_offsets"][1])
    return tensors, data


def shorten(text: object) -> str:
    """The start of what others wrote, or of what an error says, on a printable line."""
    start = str(getattr(text, "strerror", None) or text)[:400]
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in start).split())
    return f"{line[:77]}..." if len(line) > 80 else line or type(text).__name__


def _open_at_once(path: str, flags: int) -> int:
    # Windows has neither the flag nor pipes in folders.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
