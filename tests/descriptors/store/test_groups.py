import io
import mmap

import h5py
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
