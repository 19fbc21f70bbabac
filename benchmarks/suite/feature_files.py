"""Size of feature files, and the time to write and to read them, against plain NetCDF.

The features are random, of the sizes that the recipe `fused` gives: normal values compress no
better than features do. Plain is uncompressed, contiguous and without checksums. `--set
settings=1` also compares levels of compression and sizes of chunks, from which the format was
chosen.
"""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import netCDF4
import xarray as xr
from descr.descriptors import load_features, save_features
from descr.descriptors.store import netcdf
from descr.descriptors.store.layout import tree_to_groups

from ..bench import Bench
from ..maps import FUSED, random_features
from ..results import Row


def write_plain(tree: xr.DataTree, path: Path) -> None:
    """Write the features as they are, contiguous, without checksums: the floor for any file."""
    with netCDF4.Dataset(path, "w") as file:
        for group in tree_to_groups(tree):
            node = file if group.path == "/" else file.createGroup(group.path)
            for name, array in group.arrays.items():
                for dimension, size in zip(array.dimensions, array.values.shape, strict=True):
                    if dimension not in node.dimensions:
                        node.createDimension(dimension, size)
                variable = node.createVariable(
                    name, array.values.dtype, array.dimensions, fill_value=False, contiguous=True
                )
                variable[...] = array.values


def read_plain(path: Path) -> None:
    """Read all features of a file."""
    with netCDF4.Dataset(path) as file:
        for source, layer, *_ in FUSED:
            features = file[f"{source}/{layer}/features"]
            features.set_auto_maskandscale(False)
            features[...]


def run(bench: Bench, *, rounds: int = 7, settings: int = 0) -> Iterator[Row]:
    """A row for each way to write a file."""
    features = random_features(0)
    tree, size = features.to_tree(), features.nbytes
    plain, path = bench.folder / "plain.nc", bench.folder / "tree.nc"
    write_plain(tree, plain)

    def row(case: str, write, read) -> Row:
        write()
        taken = bench.race(
            {
                "write": write,
                "plain write": lambda: write_plain(tree, plain),
                "read": read,
                "plain read": lambda: read_plain(plain),
            },
            rounds=rounds,
        )
        values = {"MB": path.stat().st_size / 1e6, "of the values": path.stat().st_size / size}
        for verb in ("write", "read"):
            values[f"{verb}, s"] = taken[verb]
            values[f"{verb}, x plain"] = taken[verb] / taken[f"plain {verb}"]
        return Row(case, values)

    for lossless in (False, True):
        yield row(
            "lossless" if lossless else "rounded",
            lambda lossless=lossless: save_features(tree, path, lossless=lossless),
            lambda: load_features(path),
        )
    if not settings:
        return
    groups = tree_to_groups(tree)
    for level in (1, 2, 3, 6):
        for chunk in (1 << 16, 1 << 18, 1 << 20, 1 << 22):
            with patch.multiple(netcdf, COMPRESSION_LEVEL=level, CHUNK_BYTES=chunk):
                yield row(
                    f"level {level}, chunks of {chunk >> 10} KiB, no checks",
                    lambda: netcdf.write_groups(str(path), groups, lossless=False),
                    lambda: read_plain(path),
                )
