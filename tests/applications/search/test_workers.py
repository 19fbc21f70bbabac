"""An index that worker processes build: that of one process, whatever happens to a worker."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from descr.applications.search import Index
from descr.descriptors import FeatureStore, on_workers
from descr.descriptors.errors import ClusterError, FeatureFileError

from .conftest import random_cells, tree_of

PROC = pytest.mark.skipif(sys.platform != "linux", reason="needs paths that differ by process")


class Mortal(FeatureStore):
    """Its process dies where another than that of the test looks for `05.jpg`: once, or always."""

    owner, once = 0, ""

    def __reduce__(self):
        return restore, (type(self), self.folder.absolute(), self.owner, self.once)

    def path(self, key):
        if key == "05.jpg" and os.getpid() != self.owner and not os.path.exists(self.once):
            if self.once:
                open(self.once, "x").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().path(key)


def restore(kind, folder, owner, once):
    store = kind(folder)
    store.owner, store.once = owner, once
    return store


@pytest.fixture
def images():
    return {f"{seed:02}.jpg": random_cells(5 + seed % 3, 6, seed) for seed in range(24)}


@pytest.fixture
def store(fill, images):
    return fill(images)


def answers(index, images):
    """The hits of all kinds of search, in the order of the names of images."""
    for key in ("03.jpg", "11.jpg"):
        for options in ({"points": [(20, 20)], "around": 0}, {"box": (5, 5, 30, 30)}, {}):
            hits = index.search(tree_of(images[key], key), exact=True, top=50, **options)
            yield hits.isel(hit=np.argsort(hits["image"].values))


def check_alike(index, other, images):
    assert list(index) == list(other)
    for hits, expected in zip(answers(index, images), answers(other, images), strict=True):
        assert hits.identical(expected)


def changes_of(folder, store, **options):
    changes = []
    index = Index.build(folder, store, progress=changes.append, **options)
    return index, sorted((one.key, one.status, str(one.error)) for one in changes)


def test_a_killed_worker_loses_nothing_and_all_is_as_of_one_process(
    client, tmp_path, store, basis, images
):
    store.path("07.jpg").write_bytes(b"no features")
    mortal = restore(Mortal, store.folder, os.getpid(), os.fspath(tmp_path / "died"))
    index, changes = changes_of(tmp_path / "index", mortal, basis=basis, client=client)
    assert Path(mortal.once).exists()
    alone, expected = changes_of(tmp_path / "alone", store, basis=basis)
    assert changes == expected
    assert [status for _, status, _ in changes].count("failed") == 1
    assert index.info.shards > 1
    check_alike(index, alone, images)
    assert all(error is None for _, error in index.verify())

    store.path("02.jpg").unlink()
    os.utime(store.path("04.jpg"), (1, 1))
    index, changes = changes_of(index.folder, store, client=client)
    alone, expected = changes_of(alone.folder, store)
    assert changes == expected
    assert [status for _, status, _ in changes].count("replaced") == 1
    check_alike(index, alone, images)
    shards = {path.name for path in (index.folder / "shards").iterdir()}
    Index.build(index.folder, store)
    assert {path.name for path in (index.folder / "shards").iterdir()} <= shards
    assert not list(index.folder.rglob(".descr-*"))


def test_an_image_that_kills_each_worker_has_failed_alone(
    client, tmp_path, store, basis, monkeypatch
):
    def lose(client, work, batches):
        some = ([key for key in batch if key != "05.jpg"] for batch in batches)
        yield from on_workers(client, work, some)
        yield ["05.jpg"], ClusterError("each worker that was given it died")

    monkeypatch.setattr("descr.applications.search.workers.on_workers", lose)
    errors = {}
    index = Index.build(
        tmp_path / "index",
        store,
        basis=basis,
        client=client,
        progress=lambda one: errors.update({one.key: one.error} if one.error else {}),
    )
    assert list(errors) == ["05.jpg"]
    assert isinstance(errors["05.jpg"], ClusterError)
    assert len(index) == 23


def test_a_strict_build_stops_and_goes_on(client, tmp_path, store, basis, images):
    whole = store.path("20.jpg").read_bytes()
    store.path("20.jpg").write_bytes(whole[:-100])
    with pytest.raises(FeatureFileError, match=r"20\.jpg"):
        Index.build(tmp_path / "index", store, basis=basis, client=client, strict=True)
    store.path("20.jpg").write_bytes(whole)
    index = Index.build(tmp_path / "index", store, basis=basis, client=client, strict=True)
    check_alike(index, Index.build(tmp_path / "alone", store, basis=basis), images)


@pytest.mark.parametrize("change", [False, True], ids=["new", "changed"])
def test_shards_of_workers_have_lists_of_faiss(
    client, tmp_path, fill, store, basis, images, change
):
    options = {"basis": basis, "engine": "faiss", "client": client}
    index = Index.build(tmp_path / "index", store, **options)
    if change:
        fill({"more.jpg": images["03.jpg"]})
        store.path("05.jpg").unlink()
        index = Index.build(tmp_path / "index", store, **options)

    assert all(list(shard.glob("*.lists")) for shard in (index.folder / "shards").iterdir())
    assert all(error is None for _, error in index.verify())
    query = {"points": [(20, 20)], "around": 0, "top": 2}
    for key in ("03.jpg", "11.jpg"):
        hits = index.search(tree_of(images[key], key), **query, candidates=3)
        exact = index.search(tree_of(images[key], key), **query, exact=True)
        assert (hits.attrs["engine"], hits.attrs["looked_at"]) == ("faiss", 3)
        assert hits.drop_attrs().identical(exact.drop_attrs())


@PROC
def test_what_a_worker_cannot_reach_is_told(client, tmp_path, store, basis, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ClusterError, match="is another folder here than where the work"):
        Index.build("/proc/self/cwd/index", store, basis=basis, client=client)
    here = FeatureStore("/proc/self/cwd/features")
    with pytest.raises(ClusterError, match=r"\.jpg\.nc is on this machine, and not where"):
        Index.build(tmp_path / "other", here, basis=basis, client=client)
