"""Folders that are renamed or removed under a command: it ends in one line, and leaves no half."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from descr.applications.search import Change, Index
from descr.descriptors import Basis, FeatureStore
from descr.descriptors.errors import DescrError, OptionError
from support.faults import STEP, check_index, check_store
from support.runs import exit_code, lose, start

OPTIONS = "--descriptor", "sift", "--set", "size=64", "--set", f"step={STEP}"
COMMANDS = {
    "extract": ["extract", "{}/photos", "-o", "{}/features", *OPTIONS],
    "build": ["index", "build", "{}/features", "-o", "{}/index", "--basis", "{}/basis.nc"],
    "search": ["search", "{}/features/0.png.nc", "{}/index", "--exact", "-o", "{}/hits.csv"],
}
# About as many as each has on files.
ACTS = {"extract": 58, "build": 58, "search": 20}


@pytest.fixture
def full(folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photographs, their features, and an index of two of them."""
    shutil.copytree(folder / "whole", work / "features")
    os.remove(work / "photos")
    shutil.copytree(folder / "photos", work / "photos")
    index = Index.build(work / "index", work / "features", basis=Basis.load(work / "basis.nc"))
    index.remove(["0.png", "3.png", "4.png"])
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize(
    ("command", "victim"),
    [
        ("extract", "features"),
        ("build", "features"),
        ("build", "index"),
        ("build", "index/shards"),
        ("search", "index"),
        ("search", "index/shards"),
    ],
)
def test_a_folder_that_vanishes_is_told_in_one_line(
    folder: Path, full: Path, command: str, victim: str, seed: int
) -> None:
    if command == "extract":
        shutil.rmtree(full / "features")
    moment = int(np.random.default_rng(seed).integers(1, ACTS[command]))
    aside = full / "aside" if seed % 2 else None
    arguments = [one.format(full) for one in COMMANDS[command]]
    code = exit_code(start(lose, full, arguments, moment, full / victim, aside))
    printed = full.with_name("printed").read_text()
    # By then it may have been done with the folder.
    assert code in (0, 2), printed
    assert printed.count("error: ") == (code == 2), printed
    assert "Traceback" not in printed

    if aside is not None and victim == "features" and aside.exists():
        assert not [error for _, error in FeatureStore(aside).verify() if error is not None]
    if command == "extract":
        check_store(full / "features", folder)
        return
    shutil.rmtree(full / "features", ignore_errors=True)
    shutil.copytree(folder / "whole", full / "features")
    # What was lost of an index is told by the line, or by the next run.
    check_index(full / "index", folder, verify=victim == "index/shards")


@pytest.mark.parametrize("has_workers", [False, True], ids=["alone", "workers"])
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "old"])
@pytest.mark.parametrize("victim", ["features", "index", "index/shards"])
def test_a_folder_that_vanishes_between_two_images(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    full: Path,
    victim: str,
    is_new: bool,
    has_workers: bool,
) -> None:
    # Else all may have been read before.
    monkeypatch.setattr("descr.applications.search.update._AHEAD", 0)
    told = []

    def rename(change: Change) -> None:
        if change.status == "added":
            told.append(change.key)
        if not (full / "aside").exists():
            (full / victim).rename(full / "aside")

    before = [] if is_new else list(Index(full / "index"))
    if is_new:
        shutil.rmtree(full / "index")
    lines = {"features": "there is no folder", "index": "index", "index/shards": "shards"}
    with pytest.raises(DescrError, match=lines[victim]):
        Index.build(
            full / "index",
            full / "features",
            basis=Basis.load(full / "basis.nc"),
            client=request.getfixturevalue("client") if has_workers else None,
            progress=rename,
        )
    # Nothing is made in its place.
    assert not (full / victim).exists()

    (full / "aside").rename(full / victim)
    # What a worker wrote is in the index before it is told.
    assert list(Index(full / "index")) == sorted([*before, *(told if has_workers else [])])
    check_index(full / "index", folder)


def test_a_store_that_is_gone_when_it_is_listed_empties_no_index(
    folder: Path, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = FeatureStore.__iter__

    def keys(store: FeatureStore) -> Iterator[str]:
        if store.folder.exists():
            store.folder.rename(full / "aside")
        return listed(store)

    monkeypatch.setattr(FeatureStore, "__iter__", keys)
    with pytest.raises(OptionError, match="there is no folder"):
        Index.build(full / "index", full / "features")
    monkeypatch.undo()
    assert list(Index(full / "index")) == ["1.png", "2.png"]
    check_index(full / "index", folder)
