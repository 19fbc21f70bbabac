"""What a NetCDF-4 file plainly contains, read within bounds; and a program that does so.

Only arrays that lie in the file are read: links that leave it, external and virtual storage are
refused, and chunks are decoded here, into no more room than they state. The HDF5 library reads the
structure, and a hostile one can bring it down or make it take time and memory. `isolated.py`
therefore runs this file as a program, by its path, to read a file that this user has not written.
So that it starts quickly, it imports nothing of descr.
"""

import codecs
import io
import json
import math
import mmap
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product, repeat
from typing import Any, BinaryIO, NamedTuple, Self

import h5py
import numpy as np
import numpy.typing as npt
from h5py import h5d, h5ds, h5o, h5t
from numcodecs import Fletcher32
from numcodecs.zstd import decompress

ROUNDED_BY = "_QuantizeBitRoundNumberOfSignificantBits"
# What NetCDF keeps for itself, and what HDF5 keeps of variables.
_RESERVED = re.compile(r"_Netcdf4|_nc3_strict$|_NCProperties$|_Quantize|_FillValue$")
_RESERVED_OF_VARIABLES = re.compile(r"(CLASS|NAME|DIMENSION_LIST|DIMENSION_LABELS|REFERENCE_LIST)$")
EXIT_UNREADABLE = 3
# To start takes less than one; a mebibyte of zeros inflates to 1 GiB in three.
CPU_SECONDS = 8
BYTES_PER_CPU_SECOND = 2e7
# For what the structure of a file takes, and the libraries' own.
HEADROOM = 1 << 28
_LONGEST = 1 << 20
# Of sources and layers. A tree of so many takes seconds to build.
MOST_GROUPS = 1000
_DEFLATE, _SHUFFLE, _FLETCHER32, _ZSTD = 1, 2, 3, 32015
_ALIGNMENT = 64
Bytes = bytes | mmap.mmap


class Schema(NamedTuple):
    """What a kind of file holds: the attribute of its root with a number, and arrays of groups.

    The first of the arrays is the large one.
    """

    attribute: str
    number: int
    arrays: tuple[str, ...]


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


def read_groups(
    data: Bytes,
    *,
    schemas: Sequence[Schema],
    values: bool = True,
    reserve: Callable[[int], None] = lambda size: None,
) -> Iterator[Group]:
    """Read the groups of a file, parents first, in the order in which they were made.

    A file of none of the schemas gives its root alone. Without `values`, the large arrays are
    outlines. `reserve` is called, before any array is read, with the bytes that they take together,
    and three times the largest chunk beside them.

    Raises `UnreadableError` if a layer holds something that a feature file does not hold, and
    exceptions of any kind if the file is damaged.
    """
    file = h5py.File(io.BytesIO(data) if isinstance(data, bytes) else data, "r")
    root = Group("/", _read_attributes(file, "the root"))
    yield root
    schema = schema_of(root.attributes, schemas)
    if schema is None:
        return
    groups: list[tuple[Group, dict[str, Any]]] = []
    for source_name, source in _groups(file):
        groups.append((Group(f"/{source_name}", _read_attributes(source, source_name)), {}))
        for layer_name, layer in _groups(source):
            path = f"{source_name}/{layer_name}"
            members = {name: _member(layer, name) for name in schema.arrays if name in layer}
            variables = {name: one for name, one in members.items() if not _is_bare(one)}
            groups.append((Group(f"/{path}", _read_attributes(layer, path)), variables))
            if len(groups) > MOST_GROUPS:
                raise UnreadableError(f"holds more than {MOST_GROUPS:,} sources and layers")
    wanted = [one for _, variables in groups for one in variables.values()]
    reserve(_size(wanted) + 3 * max(map(_chunk_size, wanted), default=0))
    for group, variables in groups:
        arrays = {
            name: _read_array(data, variable, values=values or name != schema.arrays[0])
            for name, variable in variables.items()
        }
        yield Group(group.path, group.attributes, arrays)


def _groups(parent: Any) -> Iterator[tuple[str, Any]]:
    for name in parent:
        node = _member(parent, name)
        if isinstance(node, h5py.Group):
            yield name, node


def _member(parent: Any, name: str) -> Any:
    if parent.get(name, getclass=True, getlink=True) is not h5py.HardLink:
        raise UnreadableError(f"{parent.name}/{name} is a link".lstrip("/"))
    return parent[name]


def _is_bare(node: Any) -> bool:
    """Whether NetCDF keeps it for a dimension that has no variable."""
    if not isinstance(node, h5py.Dataset) or not h5ds.is_scale(node.id):
        return False
    return bool(h5ds.get_scale_name(node.id).startswith(b"This is a netCDF dimension but not"))


def _read_attributes(node: Any, path: str) -> dict[str, Any]:
    return {
        name: _read_attribute(node, name, f"attribute {name!r} of {path}")
        for name in node.attrs
        if not _RESERVED.match(name)
        and not (isinstance(node, h5py.Dataset) and _RESERVED_OF_VARIABLES.match(name))
    }


def _read_attribute(node: Any, name: str, what: str) -> Any:
    """The value of an attribute as text or number, or a list of them where it has several."""
    stored = node.attrs.get_id(name)
    if stored.get_type().get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING):
        raise UnreadableError(f"{what} is neither text nor a number")
    if stored.get_storage_size() > _LONGEST:
        raise UnreadableError(f"{what} is too long")
    value = node.attrs[name]
    if isinstance(value, h5py.Empty):
        return ""
    items = [
        item.decode() if isinstance(item, bytes) else item for item in np.ravel(value).tolist()
    ]
    if any(isinstance(item, str) and len(item) > _LONGEST for item in items):
        raise UnreadableError(f"{what} is too long")
    return items[0] if len(items) == 1 else items


def _size(variables: Iterable[Any]) -> int:
    """The bytes of arrays; `UnreadableError` for what is none of numbers."""
    size = 0
    for variable in variables:
        if not isinstance(variable, h5py.Dataset) or variable.dtype.kind not in "fiu":
            raise UnreadableError(f"{variable.name[1:]} holds no numbers")
        if variable.shape is None:
            raise UnreadableError(f"{variable.name[1:]} holds nothing")
        size += variable.dtype.itemsize * math.prod(variable.shape)
    return size


def _chunk_size(variable: Any) -> int:
    return int(variable.dtype.itemsize * math.prod(variable.chunks or (0,)))


def _read_array(data: Bytes, variable: Any, *, values: bool) -> Array:
    path, dtype, shape = variable.name[1:], variable.dtype, variable.shape
    rounded = ROUNDED_BY in variable.attrs and _read_attribute(variable, ROUNDED_BY, path)
    about: dict[str, Any] = {
        "dimensions": _dimensions(variable),
        "attributes": _read_attributes(variable, path),
        "rounded_bits": rounded if type(rounded) is int else None,
    }
    if variable.is_virtual or variable.external:
        raise UnreadableError(f"{path} is stored in other files")
    properties, place = variable.id.get_create_plist(), variable.id.get_offset()
    filters = [properties.get_filter(number) for number in range(properties.get_nfilters())]
    for kind, *_ in filters:
        if kind not in _UNDO:
            raise UnreadableError(f"{path} is compressed in an unknown way (filter {kind})")
    is_compact = properties.get_layout() == h5d.COMPACT
    if place is None and not variable.chunks and not is_compact:
        raise UnreadableError(f"{path} was never written")
    steps = [(kind, options[:1]) for kind, _, options, _ in filters]
    pieces = _pieces(variable, path) if variable.chunks else ()
    storage = Storage(dtype.str, shape, place, variable.chunks or (), steps, pieces)
    if not values:
        return Array.outline(shape, dtype, storage=storage, **about)
    array = variable[()] if is_compact else read_values(data, storage)
    array = array.astype(dtype.newbyteorder("="), copy=not array.flags.writeable)
    return Array(values=array, storage=storage, **about)


def _dimensions(variable: Any) -> tuple[str, ...]:
    """The names of the dimensions: of its scales, which lie in its group or above, or its own."""
    scales = [
        _scale(variable, number)
        for number in range(variable.ndim)
        if h5ds.get_num_scales(variable.id, number)
    ]
    names: dict[int, str] = {}
    group = variable.parent
    while set(scales) - set(names):
        names = {h5o.get_info(group.id, name.encode()).addr: name for name in group} | names
        if group == group.parent:
            break
        group = group.parent
    own = variable.name.rpartition("/")[2]
    return tuple(names[scale] for scale in scales) or (own,) * variable.ndim


def _scale(variable: Any, number: int) -> int:
    """The place of what gives a dimension its name."""
    scales: list[Any] = []
    h5ds.iterate(variable.id, number, scales.append)
    return int(h5o.get_info(scales[0]).addr)


def _pieces(variable: Any, path: str) -> list[tuple[Sequence[int], int, int, int]]:
    chunks: list[Any] = []
    variable.id.chunk_iter(chunks.append)
    index = {one.chunk_offset: one for one in chunks}
    starts = product(*map(range, repeat(0), variable.shape, variable.chunks))
    pieces: list[tuple[Sequence[int], int, int, int]] = []
    for start in starts:
        if start not in index:
            raise UnreadableError(f"{path} lacks a part of its values")
        one = index[start]
        pieces.append((start, one.byte_offset, one.size, one.filter_mask))
    return pieces


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
    array, size = np.empty(shape, dtype), dtype.itemsize * math.prod(chunk)
    for start, place, length, mask in storage.pieces:
        block = array[tuple(slice(one, one + step) for one, step in zip(start, chunk, strict=True))]
        piece, room = memoryview(data)[place : place + length], size
        steps: list[tuple[int, int, Sequence[int]]] = []
        for number, (kind, options) in enumerate(storage.filters):
            if not mask >> number & 1:
                steps.insert(0, (kind, room, options))
                # A checksum adds its bytes to what later filters take.
                room += 4 * (kind == _FLETCHER32)
        for kind, room, options in steps:
            if kind == _FLETCHER32 and is_checked:
                piece = piece[:-4]
            else:
                piece = _UNDO[kind](piece, room, *options)
        within = tuple(slice(0, length) for length in block.shape)
        block[...] = np.frombuffer(piece, dtype, math.prod(chunk)).reshape(chunk)[within]
    return array


def _inflate(data: Any, room: int, *_: int) -> bytes:
    decoder = zlib.decompressobj()
    inflated = decoder.decompress(data, room + 1)
    if len(inflated) != room or not decoder.eof:
        raise UnreadableError("has a chunk of another size than it states")
    return inflated


def _expand(data: Any, room: int, *_: int) -> Any:
    # The size that the header of the frame states (RFC 8878, section 3.1.1.1); the decoder makes
    # room for so much.
    flags = data[4]
    start = 5 + (not flags & 0x20) + (0, 1, 2, 4)[flags & 3]
    width = (flags >> 5 & 1, 2, 4, 8)[flags >> 6]
    stated = int.from_bytes(data[start : start + width], "little") + (256 if width == 2 else 0)
    if stated != room:
        raise UnreadableError("has a chunk of another size than it states")
    return decompress(data)


def _unshuffle(data: Any, _: int, width: int) -> Any:
    # numcodecs refuses what is no multiple of the width, as with a checksum at its end.
    count = len(data) // width
    mixed, plain = np.frombuffer(data, np.uint8), np.empty(len(data), np.uint8)
    whole = slice(0, count * width)
    plain[whole].reshape(count, width)[...] = mixed[whole].reshape(width, count).T
    plain[whole.stop :] = mixed[whole.stop :]
    return plain


_UNDO: Mapping[int, Callable[..., Any]] = {
    _DEFLATE: _inflate,
    _SHUFFLE: _unshuffle,
    _FLETCHER32: lambda data, *_: Fletcher32().decode(bytes(data)),
    _ZSTD: _expand,
}


def directory(groups: Iterable[Group], *, with_places: bool = True) -> bytes:
    """What groups are, as JSON, and its length: with where a file keeps their arrays.

    Or with their types alone, so that it compares groups.
    """

    def about(array: Array) -> dict[str, Any]:
        own = {"dimensions": array.dimensions, "attributes": array.attributes}
        if with_places:
            return own | {"rounded_bits": array.rounded_bits, "storage": array.storage}
        return own | {"type": array.values.dtype.str, "shape": array.values.shape}

    header = [
        vars(group) | {"arrays": {name: about(array) for name, array in group.arrays.items()}}
        for group in groups
    ]
    text = json.dumps(header, sort_keys=not with_places).encode()
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
    values: bool = True,
    end: int | None = None,
    is_checked: bool = False,
) -> list[Group]:
    """As `read_groups`, by a directory that ends there, by default with the data.

    Arrays that are whole are the memory of the data. Pieces are put together of data that is
    checked alone: they may state any size.
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
            if np.dtype(storage.dtype).kind not in "fiu" or (storage.chunk and not is_checked):
                raise ValueError(f"an array of type {storage.dtype} in pieces of {storage.chunk}")
            is_large = schema is not None and name == schema.arrays[0]
            if (is_large and not values) or (storage.place is None and not storage.chunk):
                array = Array.outline(storage.shape, storage.dtype, **about)
            else:
                array = Array(values=read_values(data, storage, is_checked=is_checked), **about)
            group["arrays"][name] = array
    return [Group(**group) for group in header]


def _limit(kind: str, most: int) -> None:
    """Set a limit of this process ("CPU"), where the system has it and none is lower."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        limit = getattr(resource, f"RLIMIT_{kind}")
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most if hard < 0 else min(most, hard), hard))


def _memory_limiter() -> Callable[[int], None]:
    """What lets this process take so many bytes beside those that it has now, where Linux runs."""
    with suppress(OSError), open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * mmap.PAGESIZE
        return lambda more: _limit("AS", size + more)
    return lambda more: None


def _main(schemas: str, values: str, free: str) -> int:
    """Read the file at standard input, write its groups to standard output, or why not."""

    def reserve(size: int) -> None:
        if size > int(free):
            raise UnreadableError(
                f"claims to hold features of {size / 1e6:,.0f} MB, and {int(free) / 1e6:,.0f} MB "
                "of memory are free"
            )
        # Nothing can be opened any more.
        limit_memory(size + HEADROOM)

    size = os.fstat(0).st_size
    try:
        data = mmap.mmap(0, size, access=mmap.ACCESS_READ)
        _limit("CORE", 0)
        _limit("CPU", CPU_SECONDS + int(size / BYTES_PER_CPU_SECOND))
        limit_memory = _memory_limiter()
        limit_memory(HEADROOM)
        with os.fdopen(1, "wb", closefd=False) as stream:
            # What is open stays open; nothing else can be opened. h5py wants the codec later.
            codecs.lookup("ascii")
            _limit("NOFILE", 0)
            kinds = [Schema(*one) for one in json.loads(schemas)]
            dump_groups(
                read_groups(data, schemas=kinds, values=values == "values", reserve=reserve), stream
            )
    except Exception as error:
        reason = str(error)
        if isinstance(error, MemoryError):
            reason = "takes more memory to read than its features do"
        elif not isinstance(error, UnreadableError):
            reason = f"is damaged: {type(error).__name__} {error}"
        # On one line, whatever names the file gives to things.
        print(" ".join(reason.split()), file=sys.stderr)
        return EXIT_UNREADABLE
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
