import io
import json
import mmap

import h5py
import numpy as np
import pytest
from descr.descriptors.store.forms import FEATURES
from descr.descriptors.store.groups import (
    Array,
    Group,
    directory,
    dump_groups,
    read_directory,
)
from descr.descriptors.store.hdf5 import read_groups
from descr.descriptors.store.netcdf import write_groups
from support.groups import described, small_groups


@pytest.fixture
def groups():
    return small_groups()


def test_groups_come_back_from_a_directory_without_hdf5(groups, tmp_path, monkeypatch):
    write_groups(str(tmp_path / "a.nc"), groups, lossless=True)
    data, own = (tmp_path / "a.nc").read_bytes(), {"schemas": [FEATURES.schema]}
    index = directory(read_groups(data, values=False, **own))
    monkeypatch.setattr(h5py, "File", None)
    assert described(read_directory(data + index, is_checked=True, **own)) == described(groups)
    outlined = read_directory(data + index, values=False, is_checked=True, **own)
    assert outlined[2].arrays["features"].is_outline
    with pytest.raises(ValueError, match="in pieces"):
        read_directory(data + index, **own)


def test_only_the_large_arrays_that_are_asked_for_are_read(groups, tmp_path):
    write_groups(str(tmp_path / "a.nc"), groups, lossless=True)
    data, own = (tmp_path / "a.nc").read_bytes(), {"schemas": [FEATURES.schema]}
    paths = [group.path for group in groups if "features" in group.arrays]
    index = directory(read_groups(data, values=False, **own))
    for path in paths:
        for result in (
            read_groups(data, values=[path], **own),
            read_directory(data + index, values=[path], is_checked=True, **own),
        ):
            large = {one.path: one.arrays["features"] for one in result if one.path in paths}
            assert [name for name, one in large.items() if not one.is_outline] == [path]


def test_of_data_that_is_not_checked_only_small_plain_arrays_are_put_together(groups, tmp_path):
    write_groups(str(tmp_path / "a.nc"), groups, lossless=True)
    data, own = (tmp_path / "a.nc").read_bytes(), {"schemas": [FEATURES.schema]}
    index = directory(read_groups(data, values=False, **own))
    outlined = read_directory(data + index, values=False, **own)
    assert outlined[2].arrays["features"].is_outline
    np.testing.assert_array_equal(outlined[2].arrays["y"].values, groups[2].arrays["y"].values)
    damaged = data.replace(
        groups[2].arrays["y"].values.tobytes(), bytes(groups[2].arrays["y"].values.nbytes)
    )
    assert damaged != data
    with pytest.raises((RuntimeError, ValueError)):
        read_directory(damaged + index, values=False, **own)
    piece = [[0], 0, 84, 0]
    for storage in (
        ["<f8", [10], None, [10], [[1, [1]]], [piece]],  # zlib
        ["<f8", [10**12], None, [10**12], [[3, []]], [piece]],
        ["<f8", [10_000], None, [10], [[3, []]], [piece] * 1000],
    ):
        array = {"dimensions": ["y"], "attributes": {}, "rounded_bits": None, "storage": storage}
        group = {"path": "/", "attributes": {"descr_schema": 1}, "arrays": {"y": array}}
        text = json.dumps([group]).encode()
        with pytest.raises(ValueError, match="in pieces"):
            read_directory(bytes(9000) + text + len(text).to_bytes(8, "little"), **own)


def dumped(groups, tmp_path):
    path = tmp_path / "answer"
    with path.open("wb") as stream:
        dump_groups(groups, stream)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def test_groups_come_back_from_memory(groups, tmp_path):
    outline = Array.outline(
        (100, 10, 10),
        "f4",
        dimensions=("channel", "y", "x"),
        attributes={"a": 1.0},
        rounded_bits=10,
    )
    groups.append(Group("/network/outline", {}, {"features": outline}))
    mapped = read_directory(dumped(groups, tmp_path), schemas=[FEATURES.schema])
    assert described(mapped) == described(groups)
    assert mapped[2].arrays["features"].values.flags.writeable
    assert mapped[2].arrays["features"].values.flags.aligned


def test_a_broken_answer_is_an_error(groups, tmp_path):
    data = dumped(groups, tmp_path)[:]
    for cut in [1, 9, 20, len(data) // 2, len(data) - 1]:
        broken = mmap.mmap(-1, cut)
        broken[:] = data[:cut]
        with pytest.raises((ValueError, TypeError)):
            read_directory(broken, schemas=[FEATURES.schema])


def test_a_stream_gets_nothing_for_no_groups():
    stream = io.BytesIO()
    dump_groups([], stream)
    assert stream.getvalue() == b"[]" + (2).to_bytes(8, "little")
