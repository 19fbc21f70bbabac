import netCDF4
import numpy as np
import pytest
from descr.descriptors.errors import InvalidFeaturesError
from descr.descriptors.store.groups import Array, Group
from descr.descriptors.store.netcdf import CHUNK_BYTES, write_groups


def layer_group(shape=(3, 2, 2)):
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return Group(
        "/network/fine",
        {},
        {
            "features": Array(("channel", "y", "x"), values),
            "y": Array(("y",), np.arange(shape[1]) * 1.5),
            "x": Array(("x",), np.arange(shape[2]) * 1.5),
        },
    )


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((3, 2, 2), (3, 2, 2)),
        ((1280, 30, 30), (CHUNK_BYTES // 3600, 30, 30)),
        ((2, 600, 600), (1, 600, 600)),
    ],
)
def test_chunks_are_whole_rows_and_columns(tmp_path, shape, chunks):
    path = str(tmp_path / "a.nc")
    write_groups(path, [layer_group(shape)], lossless=False)
    with netCDF4.Dataset(path) as file:
        assert tuple(file["network/fine/features"].chunking()) == chunks


def test_every_array_has_checksums(tmp_path):
    path = str(tmp_path / "a.nc")
    write_groups(path, [layer_group()], lossless=False)
    with netCDF4.Dataset(path) as file:
        for name in ("features", "y", "x"):
            assert file["network/fine"][name].filters()["fletcher32"]


def test_an_attribute_that_netcdf_keeps_for_itself(tmp_path):
    with pytest.raises(InvalidFeaturesError, match="_NCProperties"):
        write_groups(str(tmp_path / "a.nc"), [Group("/", {"_NCProperties": "a"})], lossless=True)
