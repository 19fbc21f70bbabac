import mmap
import zlib

import h5py
import netCDF4
import numpy as np
import pytest
from descr.descriptors.store.forms import FEATURES
from descr.descriptors.store.groups import UnreadableError
from descr.descriptors.store.hdf5 import read_groups
from descr.descriptors.store.netcdf import write_groups
from support.groups import described, layer_group, small_groups


@pytest.fixture
def groups():
    return small_groups()


@pytest.fixture
def path(tmp_path, groups):
    path = tmp_path / "a.nc"
    write_groups(str(path), groups, lossless=False)
    return path


def reading(path, **options):
    return list(read_groups(path.read_bytes(), schemas=[FEATURES.schema], **options))


def test_groups_come_back_from_a_file(tmp_path, groups):
    path = tmp_path / "a.nc"
    write_groups(str(path), groups, lossless=True)
    assert described(reading(path)) == described(groups)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert described(read_groups(mapped, schemas=[FEATURES.schema])) == described(groups)


def test_without_values_features_are_outlines(path):
    arrays = reading(path, values=False)[2].arrays
    assert arrays["features"].is_outline
    assert arrays["features"].rounded_bits == 10
    assert arrays["features"].values.shape == (3, 2, 2)
    assert not arrays["y"].is_outline


def test_another_schema_gives_the_root_alone(path, groups):
    assert described(
        read_groups(path.read_bytes(), schemas=[FEATURES.schema._replace(number=2)])
    ) == described(groups[:1])


def test_memory_is_reserved_before_an_array_is_read(tmp_path, groups):
    path = tmp_path / "a.nc"
    write_groups(str(path), [*groups, layer_group(path="/network/other")], lossless=False)
    sizes = []
    read = read_groups(path.read_bytes(), schemas=[FEATURES.schema], reserve=sizes.append)
    assert next(read).path == "/"
    assert next(read).path == "/network"
    # Two layers, and three chunks of the largest array.
    assert sizes == [2 * (48 + 16 + 16) + 3 * 48]


@pytest.mark.parametrize(
    "encoding",
    [
        {},
        {"zlib": True, "shuffle": False},
        {"zlib": True, "shuffle": True},
        {"zlib": True, "shuffle": True, "fletcher32": True, "chunksizes": (4, 3, 5)},
        {"compression": "zstd", "chunksizes": (7, 9, 11)},
        {"fletcher32": True, "chunksizes": (1, 9, 2)},
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_storage_of_other_programs(tmp_path, encoding, dtype):
    path = tmp_path / "a.nc"
    values = (np.random.default_rng(0).standard_normal((10, 9, 11)) * 100).astype(dtype)
    with netCDF4.Dataset(path, "w") as file:
        file.descr_schema = 1
        # The dimensions lie above the group that has arrays of them.
        for name, size in zip(("channel", "y", "x"), values.shape, strict=True):
            file.createDimension(name, size)
        layer = file.createGroup("network/fine")
        layer.createVariable("features", np.dtype(dtype), ("channel", "y", "x"), **encoding)[:] = (
            values
        )
    (_, _, layer) = reading(path)
    features = layer.arrays["features"]
    assert features.dimensions == ("channel", "y", "x")
    np.testing.assert_array_equal(features.values, values)


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 2, 2), "compression": "gzip"}])
def test_big_endian_arrays(tmp_path, options):
    values = np.random.default_rng(0).standard_normal((4, 3, 5)).astype(">f4")
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file.attrs["descr_schema"] = 1
        file.create_dataset("network/fine/features", data=values, **options)
    features = reading(tmp_path / "a.nc")[2].arrays["features"]
    assert features.values.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(features.values, values)


def test_compact_arrays(tmp_path):
    path = tmp_path / "a.nc"
    with h5py.File(path, "w", track_order=True) as file:
        file.attrs["descr_schema"] = 1
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((3,))
        layer = file.create_group("network/fine")
        stored = h5py.h5d.create(layer.id, b"y", h5py.h5t.NATIVE_DOUBLE, space, properties)
        h5py.Dataset(stored)[:] = [1, 2, 3]
    np.testing.assert_array_equal(reading(path)[2].arrays["y"].values, [1, 2, 3])


def with_chunk(tmp_path, data, *, compression="gzip", shape=(4, 2, 2)):
    """A file whose features are one chunk of these bytes."""
    path = tmp_path / "a.nc"
    with h5py.File(path, "w") as file:
        file.attrs["descr_schema"] = 1
        features = file.create_dataset(
            "network/fine/features", shape, "f4", chunks=shape, compression=compression
        )
        features.id.write_direct_chunk((0, 0, 0), data)
    return path


ZEROS = bytes(64)


@pytest.mark.parametrize(
    ("data", "compression"),
    [
        (zlib.compress(bytes(1 << 28)), "gzip"),
        (zlib.compress(bytes(65)), "gzip"),
        (zlib.compress(bytes(63)), "gzip"),
        (zlib.compress(ZEROS)[:-5], "gzip"),
    ],
)
def test_a_chunk_of_another_size_than_it_states(tmp_path, data, compression):
    assert not np.any(
        reading(with_chunk(tmp_path, zlib.compress(ZEROS)))[2].arrays["features"].values
    )
    path = with_chunk(tmp_path, data, compression=compression)
    with pytest.raises(UnreadableError, match="another size"):
        reading(path)


@pytest.mark.parametrize("values", [True, False])
def test_unknown_compression(tmp_path, values):
    with pytest.raises(UnreadableError, match=r"network/fine/features is compressed.*filter 32000"):
        reading(with_chunk(tmp_path, ZEROS, compression="lzf"), values=values)


def test_values_that_were_never_written(tmp_path):
    path = tmp_path / "a.nc"
    for options in ({}, {"chunks": (2, 2, 2)}):
        with h5py.File(path, "w") as file:
            file.attrs["descr_schema"] = 1
            file.create_dataset("network/fine/features", (4, 2, 2), "f4", **options)
        with pytest.raises(UnreadableError, match=r"network/fine/features (was never|lacks)"):
            reading(path)
