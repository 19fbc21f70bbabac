"""Folders that take nothing: each run ends in one line, and one that may write completes it."""

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from descr.applications.search import Index
from descr.descriptors import Basis
from descr.descriptors.errors import OutputError
from support.faults import check_index, check_store, small_store

_CAPABILITIES = 0x20080522  # linux/capability.h: version 3, of 64 bits
_WRITE_ANYWHERE = 0b10  # CAP_DAC_OVERRIDE


@contextmanager
def limited(bytes: int) -> Iterator[None]:
    """Let no file grow larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Let permissions hold for this thread, and those that it starts, even where root runs it."""
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head, sets = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(head, sets) == 0
    effective = sets[0]
    sets[0] = effective & ~_WRITE_ANYWHERE
    assert libc.capset(head, sets) == 0
    try:
        yield
    finally:
        sets[0] = effective
        assert libc.capset(head, sets) == 0


@pytest.mark.parametrize("room", [0, 500, 5000])
def test_without_room_nothing_is_made(folder: Path, tmp_path: Path, room: int) -> None:
    store, basis = small_store(tmp_path / "features"), Basis.load(folder / "basis.nc")
    images = sorted((folder / "photos").iterdir())
    with limited(room):
        with pytest.raises(OutputError, match="larger than is allowed"):
            store.extract(images)
        with pytest.raises(OutputError, match="larger than is allowed"):
            Index.build(tmp_path / "index", folder / "whole", basis=basis)

    assert not list(store)
    check_store(store.folder, folder)
    check_index(tmp_path / "index", folder)
    assert not list(tmp_path.rglob(".descr-*"))


def test_a_read_only_folder_is_told_and_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    store, basis = small_store(tmp_path / "features"), Basis.load(folder / "basis.nc")
    images = sorted((folder / "photos").iterdir())
    store.extract(images[:2])
    index = Index.build(tmp_path / "index", store, basis=basis)
    changed = tmp_path / "features" / "1.png.nc"
    os.utime(changed, (1, 1))
    below = [path for path in tmp_path.rglob("*") if path.is_dir()]
    for path in (tmp_path, *below):
        path.chmod(0o555)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    try:
        with bound_by_permissions():
            with pytest.raises(PermissionError):
                (tmp_path / "file").touch()
            with pytest.raises(OutputError, match=r"features.*not permitted|can't write to"):
                store.extract(images)
            with pytest.raises(OutputError, match=r"index.*not permitted|can't write to"):
                Index.build(index.folder, store, basis=basis)
            with pytest.raises(OutputError, match="not permitted"):
                small_store(tmp_path / "other").extract(images)
            with pytest.raises(OutputError, match="not permitted"):
                Index.build(tmp_path / "other", store, basis=basis)
            # What needs no writing is done.
            assert {one.status for one in store.extract(images[:2], verify=True)} == {"kept"}
            assert list(Index(index.folder)) == ["0.png", "1.png"]
            assert index.search(store["0.png"])["image"][0] == "0.png"
    finally:
        for path in (tmp_path, *below):
            path.chmod(0o755)

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    check_store(store.folder, folder)
    check_index(index.folder, folder)
