"""What the files of descr hold: groups of arrays, and a directory of them as JSON."""

import json
import math
import mmap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np
import numpy.typing as npt

FLETCHER32 = 3
_ALIGNMENT = 64
Bytes = bytes | mmap.mmap


class Schema(NamedTuple):
    """What a kind of file holds: the attribute of its root with a number, and arrays of groups.

    The first of the arrays is the large one; where it `is_little`, HDF5 files are always read with
    its values.
    """

    attribute: str
    number: int
    arrays: tuple[str, ...]
    is_little: bool = False


class UnreadableError(Exception):
    """A file that doesn't hold what a feature file holds; the message says what, in a few words."""


class Storage(NamedTuple):
    """Where the values of an array lie: whole at a `place`, or in chunks behind filters.

    Of each filter its number and first option; of each piece its place in the array, and its place,
    size and mask of filters in the file. Without either only shape and type are known.
    """

    dtype: str
    shape: Sequence[int]
    place: int | None = None
    chunk: Sequence[int] = ()
    filters: Sequence[tuple[int, Sequence[int]]] = ()
    pieces: Sequence[tuple[Sequence[int], int, int, int]] = ()


@dataclass(frozen=True)
class Array:
    """A variable: its dimensions, its values, its attributes.

    `rounded_bits` is to how many bits of mantissa a file rounded the values, None for not at all;
    of an array that `is_outline` only the shape and the type are known. `storage` is where a file
    keeps it.
    """

    dimensions: tuple[str, ...]
    values: npt.NDArray[Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    rounded_bits: int | None = None
    is_outline: bool = False
    storage: Storage | None = None

    @classmethod
    def outline(cls, shape: Iterable[int], dtype: npt.DTypeLike, **about: Any) -> Self:
        """An array whose values are not known: zeros that take no memory."""
        return cls(
            values=np.broadcast_to(np.zeros((), dtype), tuple(shape)), is_outline=True, **about
        )


@dataclass(frozen=True)
class Group:
    """A group at `path` ("/", "/source", "/source/layer") with its attributes and its arrays."""

    path: str
    attributes: Mapping[str, Any]
    arrays: Mapping[str, Array] = field(default_factory=dict)


def schema_of(root: Mapping[str, Any], schemas: Iterable[Schema]) -> Schema | None:
    """The first schema whose attribute a root has; None where there is none of this number."""
    schema = next((one for one in schemas if one.attribute in root), None)
    return schema if schema and root[schema.attribute] == schema.number else None


def wants(values: bool | Collection[str], path: str) -> bool:
    """Whether the large array of a group is read: of every group, of none, or of those listed."""
    return values if isinstance(values, bool) else path in values


def directory(groups: Iterable[Group]) -> bytes:
    """What groups are and where a file keeps their arrays, as JSON, and its length."""

    def about(array: Array) -> dict[str, Any]:
        names = "dimensions", "attributes", "rounded_bits", "storage"
        return {name: getattr(array, name) for name in names}

    header = [
        vars(group) | {"arrays": {name: about(array) for name, array in group.arrays.items()}}
        for group in groups
    ]
    text = json.dumps(header).encode()
    return text + len(text).to_bytes(8, "little")


def dump_groups(groups: Iterable[Group], stream: BinaryIO) -> None:
    """Write groups to a file as they come: their arrays, then a directory."""
    header = []
    for group in groups:
        arrays = {}
        for name, array in group.arrays.items():
            storage = Storage(array.values.dtype.str, array.values.shape)
            if not array.is_outline:
                stream.write(bytes(-stream.tell() % _ALIGNMENT))
                storage = storage._replace(place=stream.tell())
                stream.write(np.ascontiguousarray(array.values).data)
            arrays[name] = replace(array, values=np.empty(0), storage=storage)
        header.append(replace(group, arrays=arrays))
    stream.write(directory(header))
    stream.flush()


def read_directory(
    data: Bytes,
    *,
    schemas: Sequence[Schema],
    values: bool | Collection[str] = True,
    end: int | None = None,
    is_checked: bool = False,
) -> list[Group]:
    """As `read_groups`, by a directory that ends there, by default with the data.

    Arrays that are whole are the memory of the data. Pieces may state any size: of data that is not
    checked only those are put together that are no larger than they lie there.
    """
    end = (len(data) if end is None else end) - 8
    header = json.loads(data[end - int.from_bytes(data[end : end + 8], "little") : end])
    if header[0]["path"] != "/":
        raise ValueError("no root")
    schema = schema_of(header[0]["attributes"], schemas)
    header = header if schema else header[:1]
    for group in header:
        if not (isinstance(group["path"], str) and isinstance(group["attributes"], dict)):
            raise ValueError("a group without a path or attributes")
        for name, about in group["arrays"].items():
            about["dimensions"] = tuple(about["dimensions"])
            about["storage"] = storage = Storage(*about["storage"])
            if np.dtype(storage.dtype).kind not in "fiu":
                raise ValueError(f"an array of type {storage.dtype}")
            is_large = schema is not None and name == schema.arrays[0]
            if (is_large and not wants(values, group["path"])) or (
                storage.place is None and not storage.chunk
            ):
                array = Array.outline(storage.shape, storage.dtype, **about)
            elif storage.chunk and not (is_checked or _is_plain(storage, len(data))):
                raise ValueError(f"an array in pieces of {storage.chunk}")
            else:
                array = Array(values=read_values(data, storage, is_checked=is_checked), **about)
            group["arrays"][name] = array
    return [Group(**group) for group in header]


def _is_plain(storage: Storage, most: int) -> bool:
    """Whether an array in pieces takes at most so many bytes, and no library to read."""
    size = np.dtype(storage.dtype).itemsize * math.prod(storage.shape)
    return size <= most and all(kind == FLETCHER32 for kind, _ in storage.filters)


def read_values(data: Bytes, storage: Storage, *, is_checked: bool = False) -> npt.NDArray[Any]:
    """The values of an array out of the bytes of its file.

    What is whole is not copied. Checksums of chunks are left out of data that is checked already.
    """
    dtype, shape, chunk = np.dtype(storage.dtype), tuple(storage.shape), tuple(storage.chunk)
    if not chunk:
        place = storage.place or 0
        if place < 0:
            # NumPy would read before the data.
            raise ValueError(f"an array at {place}")
        return np.ndarray(shape, dtype, data, place)
    counts = [math.ceil(length / step) for length, step in zip(shape, chunk, strict=True)]
    if len(storage.pieces) != math.prod(counts):
        raise UnreadableError("lacks a part of its values")
    array, size = np.empty(shape, dtype), dtype.itemsize * math.prod(chunk)
    for start, place, length, mask in storage.pieces:
        block = array[tuple(slice(one, one + step) for one, step in zip(start, chunk, strict=True))]
        piece, room = memoryview(data)[place : place + length], size
        steps: list[tuple[int, int, Sequence[int]]] = []
        for number, (kind, options) in enumerate(storage.filters):
            if not mask >> number & 1:
                steps.insert(0, (kind, room, options))
                # A checksum adds its bytes to what later filters take.
                room += 4 * (kind == FLETCHER32)
        for kind, room, options in steps:
            if kind == FLETCHER32 and is_checked:
                piece = piece[:-4]
            else:
                # Loads what others need not.
                from .filters import UNDO

                piece = UNDO[kind](piece, room, *options)
        within = tuple(slice(0, length) for length in block.shape)
        block[...] = np.frombuffer(piece, dtype, math.prod(chunk)).reshape(chunk)[within]
    return array
