"""Named arrays as bytes and back, bit for bit."""

import json
from collections.abc import Mapping, Sequence
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


def pack_answers(places: Sequence[int], answers: Sequence[Arrays]) -> bytes:
    """Answers by the same names for the pairs at these places, as bytes.

    Of each name all values one after the other, and their shapes: many small arrays would take
    longer to write than they took to make.
    """
    arrays = {"": np.array(places, dtype=np.int32)}
    for name in answers[0]:
        parts = [one[name] for one in answers]
        arrays[f"{name}/shape"] = np.array([part.shape for part in parts], dtype=np.int32)
        arrays[name] = np.concatenate([part.ravel() for part in parts])
    return pack(arrays)


def unpack_answers(data: bytes) -> dict[int, Arrays]:
    """The answers that `pack_answers` made bytes of, by the places of their pairs."""
    arrays = unpack(data)
    places = arrays.pop("").tolist()
    answers: list[dict[str, npt.NDArray[Any]]] = [{} for _ in places]
    for name, values in arrays.items():
        if name.endswith("/shape"):
            continue
        start = 0
        for one, shape in zip(answers, arrays[f"{name}/shape"], strict=True):
            end = start + int(np.prod(shape))
            one[name] = values[start:end].reshape(shape)
            start = end
    return dict(zip(places, answers, strict=True))
