"""Size of feature files, and the time to write and to read them, against plain uncompressed NetCDF.

Run with `python benchmarks/feature_files.py`; `--settings` also compares levels of compression and
sizes of chunks, from which the format was chosen. Times are the best of several rounds.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr
from descr.descriptors.features.tree import LayerFeatures, build_tree
from descr.descriptors.image.reading import Image
from descr.descriptors.store import load_features, netcdf, read_feature_info, save_features
from descr.descriptors.store.layout import tree_to_groups

SIDE = 960
# Stable Diffusion 1.5 at a canvas of 960 and DINOv2 ViT-B/14 at one of 840.
LAYERS = {
    ("stable_diffusion", "decoder_2"): (1280, 15, 15),
    ("stable_diffusion", "decoder_5"): (1280, 30, 30),
    ("stable_diffusion", "decoder_8"): (640, 60, 60),
    ("dinov2", "token"): (768, 60, 60),
}
ROUNDS = 7


def random_tree() -> xr.DataTree:
    """Return a tree of the usual shapes; normal values compress no better than features do."""
    rng = np.random.default_rng(0)
    return build_tree(
        Image(np.zeros((SIDE, SIDE, 3), np.uint8), "image.jpg"),
        "Fused(StableDiffusion(), DINOv2())",
        [
            LayerFeatures(
                source=source,
                layer=layer,
                features=rng.standard_normal(shape).astype(np.float32),
                y=(np.arange(shape[1]) + 0.5) * SIDE / shape[1] - 0.5,
                x=(np.arange(shape[2]) + 0.5) * SIDE / shape[2] - 0.5,
                model="model",
                revision="",
                settings={},
            )
            for (source, layer), shape in LAYERS.items()
        ],
    )


def best_seconds(work: Callable[[], object]) -> float:
    """Return the shortest of several runs, which the machine's other work disturbed least."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


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
        for source, layer in LAYERS:
            features = file[f"{source}/{layer}/features"]
            features.set_auto_maskandscale(False)
            features[...]


def report(name: str, path: Path, size: int, write: float, read: float, floor: tuple) -> None:
    """Print one line: the size of a file and the times, in themselves and against the floor."""
    print(
        f"{name:<28} {path.stat().st_size / 1e6:7.2f} MB {path.stat().st_size / size:6.3f}"
        f"   write {write:6.3f} s {write / floor[0]:5.1f}x"
        f"   read {read:6.3f} s {read / floor[1]:5.1f}x"
    )


def compare_settings(tree: xr.DataTree, path: Path, size: int, floor: tuple) -> None:
    """Print a line for each level of compression and size of chunks, and one for zlib."""
    groups = tree_to_groups(tree)

    def measure(name: str) -> None:
        write = best_seconds(lambda: netcdf.write_groups(str(path), groups, lossless=False))
        report(name, path, size, write, best_seconds(lambda: read_plain(path)), floor)

    for level in (1, 2, 3, 6):
        for chunk in (1 << 16, 1 << 18, 1 << 20, 1 << 22):
            netcdf.COMPRESSION_LEVEL, netcdf.CHUNK_BYTES = level, chunk
            measure(f"level {level}, chunks {chunk >> 10} KiB")
    netcdf.COMPRESSION_LEVEL, netcdf.CHUNK_BYTES = 1, 1 << 20
    netCDF4.Dataset.has_zstd_filter = lambda _: False
    measure("zlib, level 1")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", action="store_true", help="compare levels and chunk sizes")
    arguments = parser.parse_args()
    tree = random_tree()
    size = sum(int(np.prod(shape)) * 4 for shape in LAYERS.values())
    print(f"{size / 1e6:.2f} MB of features; sizes as a share of that, times against plain NetCDF")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.nc"
        floor = (
            best_seconds(lambda: write_plain(tree, path)),
            best_seconds(lambda: read_plain(path)),
        )
        report("plain", path, size, *floor, floor)
        for name, lossless in (("save_features", False), ("save_features, lossless", True)):
            write = best_seconds(
                lambda lossless=lossless: save_features(tree, path, lossless=lossless)
            )
            read = best_seconds(lambda: load_features(path))
            report(name, path, size, write, read, floor)
        print(f"read_feature_info: {best_seconds(lambda: read_feature_info(path)):.3f} s")
        if arguments.settings:
            compare_settings(tree, path, size, floor)


if __name__ == "__main__":
    main()
