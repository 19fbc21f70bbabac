"""Groups of arrays written as NetCDF-4 files, whole and sealed."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK

from ..errors import InvalidFeaturesError, OutputError
from ..runtime.atomic import whole_file
from . import seal
from .forms import Form
from .groups import Group, UnreadableError, directory
from .hdf5 import ROUNDED_BY, read_groups

ROUNDED_BITS = 10
# Level 1 takes half the time of level 2 for a file 7% larger, and chunks of this size are the
# quickest of 64 KiB to 4 MiB (`python -m benchmarks feature_files --set settings=1`). zlib with
# its byte shuffle, which netCDF4 doesn't offer with zstd, saves another quarter but takes several
# times as long.
COMPRESSION_LEVEL = 1
CHUNK_BYTES = 1 << 20
# The largest number of 10 bits; what is larger may be rounded up to infinity.
LARGEST_ROUNDED = float(np.float32(2.0**128 * (1 - 2.0**-11)))


def write_sealed(
    path: str | os.PathLike[str], groups: Sequence[Group], form: Form, *, lossless: bool
) -> None:
    """Write groups, parents first, to a file, whole or not at all.

    Raises:
        InvalidFeaturesError: The groups hold what would not come back as it is.
        OutputError: The file can't be written.
    """
    root, *rest = groups
    groups = [replace(root, attributes={**root.attributes, seal.ATTRIBUTE: "sha256"}), *rest]
    large = form.schema.arrays[0]
    with whole_file(path) as temporary:
        try:
            with NETCDF4_PYTHON_LOCK:
                write_groups(str(temporary), groups, lossless=lossless, large=large)
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{os.fspath(path)}: can't be written by the NetCDF library: {error}",
                hint="its path, and the names and attributes of layers, must be valid text",
            ) from error
        data = temporary.read_bytes()
        try:
            # Some distributions have one HDF5 library for h5py and netCDF4.
            with NETCDF4_PYTHON_LOCK:
                copy = list(read_groups(data, schemas=[form.schema], values=False))
        except UnreadableError as error:
            raise InvalidFeaturesError(f"can't be kept in a file: it {error}") from error
        if [_comparable(one, large) for one in copy] != [_comparable(one, large) for one in groups]:
            raise InvalidFeaturesError(
                f"{os.fspath(path)}: there are names, attributes or coordinates that NetCDF can't "
                "hold as they are",
                hint="use plain text for the names and attributes of layers",
            )
        index = directory(copy) + seal.DIRECTORY
        with temporary.open("ab") as file:
            file.write(index + seal.seal_of(data, index))


def _comparable(group: Group, large: str) -> str:
    """All of a group but the values of the large array, which may be rounded."""
    arrays = sorted(group.arrays.items())
    about = [(name, one.dimensions, sorted(one.attributes.items())) for name, one in arrays]
    types = [(one.values.dtype.str, one.values.shape) for _, one in arrays]
    small = [one.values.tobytes() for name, one in arrays if name != large]
    # As text, in which 1 is not 1.0, and what is no number equals itself.
    return repr((group.path, sorted(group.attributes.items()), about, types, small))


def write_groups(
    path: str, groups: Iterable[Group], *, lossless: bool, large: str = "features"
) -> None:
    """Write groups, parents first, to a NetCDF-4 file.

    Arrays of the `large` name are compressed with zstd, in chunks of whole rows and columns, and
    rounded to 10 bits of mantissa (BitRound) unless `lossless`; every array carries checksums.
    Raises `InvalidFeaturesError` for an attribute whose name NetCDF keeps for itself.
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
                    **(_encoding(file, array.values, lossless) if name == large else {}),
                )
                # Values that are packed are written as they are.
                variable.set_auto_maskandscale(False)
                _write_attributes(variable, array.attributes, f"{group.path}/{name}")
                variable[...] = array.values


def _encoding(file: netCDF4.Dataset, values: npt.NDArray[Any], lossless: bool) -> dict[str, Any]:
    channels, *rest = values.shape
    block = max(1, min(channels, CHUNK_BYTES // (math.prod(rest) * values.itemsize)))
    encoding: dict[str, Any] = {
        "compression": "zstd" if file.has_zstd_filter() else "zlib",
        "complevel": COMPRESSION_LEVEL,
        "chunksizes": (block, *rest),
    }
    if (
        not lossless
        and values.dtype.kind == "f"
        and max(values.max(), -values.min()) < LARGEST_ROUNDED
    ):
        # For BitRound the "digits" are bits of the mantissa after the leading one.
        encoding |= {"quantize_mode": "BitRound", "significant_digits": ROUNDED_BITS}
    return encoding


def _write_attributes(node: Any, attributes: Mapping[str, Any], path: str) -> None:
    for name, value in attributes.items():
        if name not in (ROUNDED_BY, "_FillValue"):
            try:
                node.setncattr(name, np.int64(value) if isinstance(value, int) else value)
            except AttributeError as error:
                raise InvalidFeaturesError(
                    f"can't be kept in a file: attribute {name!r} of {path}: {error}"
                ) from error
