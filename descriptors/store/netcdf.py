"""Groups of arrays written as NetCDF-4 files."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ..errors import InvalidFeaturesError
from .groups import Group
from .hdf5 import ROUNDED_BY

ROUNDED_BITS = 10
# Level 1 takes half the time of level 2 for a file 7% larger, and chunks of this size are the
# quickest of 64 KiB to 4 MiB (`python -m benchmarks feature_files --set settings=1`). zlib with
# its byte shuffle, which netCDF4 doesn't offer with zstd, saves another quarter but takes several
# times as long.
COMPRESSION_LEVEL = 1
CHUNK_BYTES = 1 << 20
# The largest number of 10 bits; what is larger may be rounded up to infinity.
LARGEST_ROUNDED = float(np.float32(2.0**128 * (1 - 2.0**-11)))


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
