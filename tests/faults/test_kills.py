"""Runs that are killed, or find no room: what is there is whole, and a second run completes it.

`pytest tests/faults --faults=100` takes a hundred moments instead of three.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.applications.search import Index
from descr.descriptors import SIFT, Basis, FeatureStore, load_features
from descr.descriptors.errors import OutputError
from descr.descriptors.testing import render_picture

# Each act on a file is a moment: the run kills itself before one of them, or tells how many it had.
_PROGRAM = """
import os, signal, sys
from descr.applications.search import Index
from descr.descriptors import SIFT, Basis, FeatureStore

folder, what, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
images = {name: f"{folder}/photos/{name}" for name in sorted(os.listdir(f"{folder}/photos"))}
basis = Basis.load(f"{folder}/basis.nc")
seen = 0

def count(event, arguments):
    global seen
    if event.startswith(("open", "os.", "shutil.", "sqlite3.")) and folder in str(arguments):
        seen += 1
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
if what == "extract":
    FeatureStore(f"{folder}/features", SIFT(size=64, step=16)).extract(images)
else:
    engine = None if what == "index" else what
    Index.build(f"{folder}/index", f"{folder}/whole", basis=basis, engine=engine)
print(seen)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five photographs, and what undisturbed runs make of them."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "photos").mkdir()
    for number in range(5):
        path = folder / "photos" / f"{number}.png"
        PIL.Image.fromarray(render_picture(64, 64, seed=number)).save(path)
    whole = FeatureStore(folder / "whole", SIFT(size=64, step=16))
    whole.extract(sorted((folder / "photos").iterdir()))
    basis = Basis.fit(whole, components=8)
    basis.save(folder / "basis.nc")
    Index.build(folder / "whole-index", whole, basis=basis)
    return folder


def command(folder: Path, what: str, moment: int) -> list[str]:
    return [sys.executable, "-c", _PROGRAM, str(folder), what, str(moment)]


def killed(folder: Path, what: str, seed: int) -> None:
    """Run it until a moment that the seed chooses."""
    generator = np.random.default_rng(seed)
    # About as many as a whole run has.
    moment = int(generator.integers(1, {"extract": 44, "index": 48, "faiss": 77}[what]))
    done = subprocess.run(
        command(folder, what, moment), capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, -9), done.stderr


def test_a_store_is_completed(folder: Path, tmp_path: Path, seed: int) -> None:
    for name in ("photos", "whole", "basis.nc"):
        (tmp_path / name).symlink_to(folder / name)
    killed(tmp_path, "extract", seed)

    store = FeatureStore(tmp_path / "features", SIFT(size=64, step=16))
    assert all(error is None for _, error in store.verify())
    there = set(store)
    outcomes = store.extract(sorted((tmp_path / "photos").iterdir()))

    assert {one.key for one in outcomes if one.status == "kept"} == there
    for key in FeatureStore(folder / "whole"):
        first, second = (load_features(at / f"{key}.nc") for at in (store.folder, folder / "whole"))
        for tree in (first, second):
            # They tell how to get from the file to its photograph.
            tree.attrs.pop("image_path")
            tree.attrs.pop("created", None)
        assert first.identical(second)


@pytest.mark.parametrize("engine", ["index", "faiss"])
def test_an_index_is_completed(folder: Path, tmp_path: Path, seed: int, engine: str) -> None:
    for name in ("photos", "whole", "basis.nc"):
        (tmp_path / name).symlink_to(folder / name)
    killed(tmp_path, engine, seed)

    basis = Basis.load(folder / "basis.nc")
    options = {"engine": engine} if engine == "faiss" else {}
    index = Index.build(tmp_path / "index", folder / "whole", basis=basis, **options)

    whole = Index(folder / "whole-index")
    assert list(index) == list(whole)
    query = load_features(folder / "whole" / "0.png.nc")
    assert index.search(query, exact=True).identical(whole.search(query, exact=True))
    assert len(os.listdir(index.folder / "shards")) == 1
    assert all(error is None for _, error in index.verify())
    hits = index.search(query, box=(1, 1, 40, 40))
    assert hits.attrs["engine"] == options.get("engine", "tiles")
    assert hits.drop_attrs().identical(whole.search(query, box=(1, 1, 40, 40)).drop_attrs())


@pytest.mark.parametrize("room", [0, 500, 5000])
def test_no_room_ends_a_run_in_one_line_and_a_second_one_completes_it(
    folder: Path, tmp_path: Path, room: int
) -> None:
    images = sorted((folder / "photos").iterdir())
    store = FeatureStore(tmp_path / "features", SIFT(size=64, step=16))
    basis = Basis.load(folder / "basis.nc")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OutputError, match="larger than is allowed"):
            store.extract(images)
        with pytest.raises(OutputError, match="larger than is allowed"):
            Index.build(tmp_path / "index", folder / "whole", basis=basis)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not list(store)
    assert {one.status for one in store.extract(images)} == {"extracted"}
    index = Index.build(tmp_path / "index", folder / "whole", basis=basis)
    assert list(index) == list(Index(folder / "whole-index"))
    assert not list(tmp_path.rglob(".descr-*"))


def test_many_writers_fill_one_store_and_one_builds_an_index(folder: Path, tmp_path: Path) -> None:
    for name in ("photos", "whole", "basis.nc"):
        (tmp_path / name).symlink_to(folder / name)
    runs = {
        what: [
            subprocess.Popen(command(tmp_path, what, 0), stderr=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        for what in ("extract", "index")
    }
    errors = {what: [run.communicate()[1] for run in some] for what, some in runs.items()}

    assert [run.returncode for run in runs["extract"]] == [0] * 3, errors
    store = FeatureStore(tmp_path / "features", SIFT(size=64, step=16))
    assert [error for _, error in store.verify()] == [None] * 5
    assert {one.status for one in store.extract(sorted((folder / "photos").iterdir()))} == {"kept"}
    # Whoever comes while another builds is told.
    assert 0 in [run.returncode for run in runs["index"]]
    for run, error in zip(runs["index"], errors["index"], strict=True):
        assert run.returncode == 0 or "another process is changing this index" in error
    assert list(Index(tmp_path / "index")) == list(Index(folder / "whole-index"))
