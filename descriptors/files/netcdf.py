"""Groups of arrays as NetCDF-4 files, and a program that reads one where a crash does no harm.

The HDF5 library under NetCDF-4 can be brought down by the bytes of a damaged file. `isolated.py`
therefore runs this file as a program, by its path, to read a file that descr can't vouch for. So
that it starts quickly and needs no installed package, it stands alone: it imports nothing of descr.
"""

import json
import math
import os
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Self

import netCDF4
import numpy as np
import numpy.typing as npt

ARRAYS = ("features", "y", "x")
ROUNDED_BITS = 10
# Level 1 takes half the time of level 2 for a file 7% larger, and chunks of this size are the
# quickest of 64 KiB to 4 MiB (benchmarks/feature_files.py --settings). zlib with its byte shuffle,
# which netCDF4 doesn't offer with zstd, saves another quarter but takes several times as long.
COMPRESSION_LEVEL = 1
CHUNK_BYTES = 1 << 20
# The largest number of 10 bits; what is larger may be rounded up to infinity.
LARGEST_ROUNDED = float(np.float32(2.0**128 * (1 - 2.0**-11)))
_ROUNDED_BY = "_QuantizeBitRoundNumberOfSignificantBits"
_RESERVED = {"_FillValue", _ROUNDED_BY}
# To start and to decode a small file takes about one.
CPU_SECONDS = 15
EXIT_UNREADABLE = 3
EXIT_DAMAGED = 4
_LENGTH = struct.Struct("<Q")


class UnreadableError(Exception):
    """A NetCDF file that doesn't hold what a feature file holds."""


class UnwritableError(Exception):
    """An attribute that NetCDF refuses to write."""


@dataclass(frozen=True)
class Array:
    """A variable: its dimensions, its values, its attributes.

    `rounded_bits` is to how many bits of mantissa a file rounded the values, None for not at all;
    of an array that `is_outline` only the shape and the type are known.
    """

    dimensions: tuple[str, ...]
    values: npt.NDArray[Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    rounded_bits: int | None = None
    is_outline: bool = False

    @classmethod
    def outline(
        cls,
        dimensions: Iterable[str],
        shape: Iterable[int],
        dtype: npt.DTypeLike,
        attributes: Mapping[str, Any],
        rounded_bits: int | None,
    ) -> Self:
        """An array whose values are not known: zeros that take no memory."""
        zeros = np.broadcast_to(np.zeros((), dtype), tuple(shape))
        return cls(tuple(dimensions), zeros, attributes, rounded_bits, is_outline=True)


@dataclass(frozen=True)
class Group:
    """A group at `path` ("/", "/source", "/source/layer") with its attributes and its arrays."""

    path: str
    attributes: Mapping[str, Any]
    arrays: Mapping[str, Array] = field(default_factory=dict)


def write_groups(path: str, groups: Iterable[Group], *, lossless: bool) -> None:
    """Write groups, parents first, to a NetCDF-4 file.

    `features` are compressed with zstd, in chunks of whole rows and columns, and rounded to 10
    bits of mantissa (BitRound) unless `lossless`; every array carries checksums. Raises
    `UnwritableError` for an attribute whose name NetCDF keeps for itself.
    """
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        for group in groups:
            node = file if group.path == "/" else file.createGroup(group.path)
            _write_attributes(node, group.attributes, group.path)
            for name, array in group.arrays.items():
                for dimension, size in zip(array.dimensions, array.values.shape, strict=True):
                    if dimension not in node.dimensions:
                        node.createDimension(dimension, size)
                variable = node.createVariable(
                    name,
                    array.values.dtype,
                    array.dimensions,
                    fill_value=False,
                    fletcher32=True,
                    **(_encoding(array.values, lossless=lossless) if name == "features" else {}),
                )
                _write_attributes(variable, array.attributes, f"{group.path}/{name}")
                variable[...] = array.values


def read_groups(
    file: netCDF4.Dataset, *, schema: int, values: bool = True, limit: float = math.inf
) -> list[Group]:
    """Read the groups of an open file, parents first, in the order in which they were made.

    A file of another schema gives its root alone. Without `values`, features are outlines.
    `limit` is the number of bytes that the file may claim to hold.
    """
    root = Group("/", _read_attributes(file))
    if root.attributes.get("descr_schema") != schema:
        return [root]
    groups = [root]
    claimed = 0
    for source_name, source in file.groups.items():
        groups.append(Group(f"/{source_name}", _read_attributes(source)))
        for layer_name, layer in source.groups.items():
            path = f"/{source_name}/{layer_name}"
            present = {name: layer.variables[name] for name in ARRAYS if name in layer.variables}
            claimed += sum(_claimed_bytes(variable) for variable in present.values())
            if claimed > limit:
                raise UnreadableError(f"claims to hold more than {limit / 1e6:.0f} MB of features")
            groups.append(
                Group(
                    path,
                    _read_attributes(layer),
                    {
                        name: _read_array(variable, path, values=values or name != "features")
                        for name, variable in present.items()
                    },
                )
            )
    return groups


def dump_groups(groups: Sequence[Group], stream: BinaryIO) -> None:
    """Write groups to a pipe: a JSON header, then the bytes of each array that has any."""
    header: list[Any] = []
    blocks: list[bytes] = []
    for group in groups:
        arrays: dict[str, Any] = {}
        for name, array in group.arrays.items():
            little = array.values.dtype.newbyteorder("<")
            arrays[name] = {
                "dimensions": array.dimensions,
                "shape": array.values.shape,
                "dtype": little.str,
                "attributes": array.attributes,
                "rounded_bits": array.rounded_bits,
                "is_outline": array.is_outline,
            }
            if not array.is_outline:
                blocks.append(np.ascontiguousarray(array.values, dtype=little).tobytes())
        header.append({"path": group.path, "attributes": group.attributes, "arrays": arrays})
    text = json.dumps(header).encode()
    stream.write(_LENGTH.pack(len(text)) + text)
    for block in blocks:
        stream.write(block)
    stream.flush()


def parse_groups(data: bytes) -> list[Group]:
    """Read groups from what `dump_groups` wrote; ValueError if anything is out of place."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        place = _LENGTH.size + length
        header = json.loads(data[_LENGTH.size : place])
        groups = []
        for entry in header:
            arrays = {}
            for name, about in entry["arrays"].items():
                dtype, shape = np.dtype(about["dtype"]), tuple(about["shape"])
                dimensions, attributes = tuple(about["dimensions"]), about["attributes"]
                bits = about["rounded_bits"]
                if about["is_outline"]:
                    arrays[name] = Array.outline(dimensions, shape, dtype, attributes, bits)
                    continue
                count = math.prod(shape)
                # A copy, since the bytes of the answer can't be written to.
                values = np.frombuffer(data, dtype, count, place).reshape(shape).copy()
                arrays[name] = Array(dimensions, values, attributes, bits)
                place += count * dtype.itemsize
            groups.append(Group(entry["path"], entry["attributes"], arrays))
    except (struct.error, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    if place != len(data):
        raise ValueError("bytes left over")
    return groups


def _encoding(values: npt.NDArray[Any], *, lossless: bool) -> dict[str, Any]:
    channels, rows, columns = values.shape
    block = max(1, min(channels, CHUNK_BYTES // (rows * columns * values.itemsize)))
    encoding: dict[str, Any] = {
        "compression": "zstd" if netCDF4.__has_zstandard_support__ else "zlib",
        "complevel": COMPRESSION_LEVEL,
        "chunksizes": (block, rows, columns),
    }
    if not lossless and max(values.max(), -values.min()) < LARGEST_ROUNDED:
        # For BitRound the "digits" are bits of the mantissa after the leading one.
        encoding |= {"quantize_mode": "BitRound", "significant_digits": ROUNDED_BITS}
    return encoding


def _write_attributes(node: Any, attributes: Mapping[str, Any], path: str) -> None:
    for name, value in attributes.items():
        if name not in _RESERVED:
            try:
                node.setncattr(name, np.int64(value) if isinstance(value, int) else value)
            except AttributeError as error:
                raise UnwritableError(f"attribute {name!r} of {path}: {error}") from error


def _read_attributes(node: Any) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
        for name in node.ncattrs()
        if name not in _RESERVED
        for value in [node.getncattr(name)]
    }


def _read_array(variable: Any, path: str, *, values: bool) -> Array:
    if not isinstance(variable.dtype, np.dtype) or variable.dtype.kind not in "fiu":
        raise UnreadableError(f"{path[1:]}/{variable.name} holds no numbers")
    variable.set_auto_maskandscale(False)
    dimensions, attributes = tuple(variable.dimensions), _read_attributes(variable)
    bits = int(variable.getncattr(_ROUNDED_BY)) if _ROUNDED_BY in variable.ncattrs() else None
    if not values:
        return Array.outline(dimensions, variable.shape, variable.dtype, attributes, bits)
    return Array(dimensions, np.asarray(variable[...]), attributes, bits)


def _claimed_bytes(variable: Any) -> int:
    return math.prod(int(size) for size in variable.shape) * int(
        getattr(variable.dtype, "itemsize", 1)
    )


def _limit_process(limit: float) -> None:
    """Keep a damaged file from taking the machine's memory or time, or leaving a core file."""
    try:
        import resource
    except ImportError:
        return
    for kind, wanted in (
        (resource.RLIMIT_CORE, 0),
        # Damaged metadata can send HDF5 round in circles.
        (resource.RLIMIT_CPU, CPU_SECONDS + int(limit / 1e8)),
        # Libraries map some memory of their own; values are held twice on their way to the pipe.
        (resource.RLIMIT_AS, (2 << 30) + 3 * int(limit)),
    ):
        _, most = resource.getrlimit(kind)
        resource.setrlimit(
            kind, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most)
        )


def _main(path: str, schema: str, values: str, limit: str) -> int:
    """Read a file and write its groups to standard output; else say why in one line."""
    # Libraries that write to standard output must not write into the answer.
    pipe = os.dup(1)
    os.dup2(2, 1)
    _limit_process(float(limit))
    try:
        with netCDF4.Dataset(path) as file:
            groups = read_groups(
                file, schema=int(schema), values=values == "values", limit=float(limit)
            )
        with os.fdopen(pipe, "wb") as stream:
            dump_groups(groups, stream)
    except UnreadableError as error:
        print(error, file=sys.stderr)
        return EXIT_UNREADABLE
    except Exception as error:
        print("is damaged:", " ".join(str(error).split()), file=sys.stderr)
        return EXIT_DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
