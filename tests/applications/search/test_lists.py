import builtins
import json
import sys

import faiss
import numpy as np
import pytest
from descr.applications.search import Index
from descr.applications.search import lists as module
from descr.descriptors import Basis
from descr.descriptors.errors import (
    IncomparableFeaturesError,
    IndexFileError,
    OptionError,
    OutputError,
)

from .conftest import images_with_a_copy, random_cells, tree_of

QUERY = {"box": (51.5, 11.5, 83.5, 35.5)}  # 5 x 4 cells


@pytest.fixture
def images():
    return images_with_a_copy("abcdefgh")


@pytest.fixture
def build(tmp_path, basis):
    def build(store, name="index", **options):
        return Index.build(tmp_path / name, store, basis=basis, engine="faiss", **options)

    return build


@pytest.fixture
def index(fill, build, images):
    return build(fill(images))


def _query(images):
    return tree_of(images["a.jpg"], "a.jpg")


def _lists(index):
    return sorted(index.folder.rglob("*.lists")), list(index.folder.glob("*.faiss"))


def _manifest(index):
    return json.loads((index.folder / "index.json").read_text())["index"]


@pytest.mark.parametrize("cells", [1, 7])
def test_all_lists_rank_images_as_their_cells_do(fill, build, images, basis, monkeypatch, cells):
    monkeypatch.setattr(module, "_PROBES", 1 << 20)
    index = build(fill(images))
    query = index.map("a.jpg").features.flatten(1).T[:cells].contiguous()

    ranked, scores = index._lookup._rank(query), index._lookup.scores([query], "cells")[0]

    assert faiss.deserialize_index(np.fromfile(_lists(index)[1][0], np.uint8)).nlist > 1
    np.testing.assert_allclose(ranked, scores, atol=0.02)
    assert ranked.topk(1).indices == scores.topk(1).indices


def test_hits_are_those_of_an_exact_search(index, images):
    exact = index.search(_query(images), **QUERY, exact=True, top=2)
    hits = index.search(_query(images), **QUERY, candidates=2, top=2)

    assert hits["image"].values.tolist() == ["a.jpg", "b.jpg"]
    assert hits.drop_attrs().identical(exact.drop_attrs())
    assert (hits.attrs["engine"], exact.attrs["engine"]) == ("faiss", "exact")
    # A large part is looked for by tiles.
    assert index.search(_query(images)).attrs["engine"] == "tiles"


def test_images_of_many_shards_are_ranked_as_those_of_one(fill, build, images, basis, monkeypatch):
    monkeypatch.setattr(module, "_PROBES", 1 << 20)
    index = build(fill(images))
    monkeypatch.setattr("descr.applications.search.update.SHARD_BYTES", 1)
    parts = build(fill({}), "parts")
    query = index.map("a.jpg").features.flatten(1).T[:5].contiguous()

    assert len(_lists(parts)[0]) == 8
    np.testing.assert_allclose(parts._lookup._rank(query), index._lookup._rank(query), atol=0.02)


def test_the_same_images_give_the_same_files_with_any_number_of_threads(fill, build, images, index):
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        again = build(fill({}), "again")
    finally:
        faiss.omp_set_num_threads(threads)

    for first, second in zip(_lists(index), _lists(again), strict=True):
        assert [path.name for path in first] == [path.name for path in second]
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_every_change_keeps_the_engine(tmp_path, fill, index, images):
    before = _manifest(index)["engine"]
    assert before["name"] == "faiss"
    store = fill({"i.jpg": images["a.jpg"], "c.jpg": images["a.jpg"]})
    store.path("d.jpg").unlink()

    index = Index.build(index.folder, store).remove(["a.jpg"])

    assert _manifest(index)["engine"] == before
    hits = index.search(_query(images), **QUERY, candidates=3, top=3)
    assert sorted(hits["image"].values.tolist()) == ["b.jpg", "c.jpg", "i.jpg"]
    assert index.measure_recall(queries=2, top=2)["recall"]["1 x 1"] == 1
    assert Index(index.folder).engine == "faiss"
    names = {path.parent.name for path in _lists(index)[0]}
    assert names >= {shard["name"] for shard in _manifest(index)["shards"]}


def test_an_engine_is_switched_on_and_off(tmp_path, fill, basis, images):
    store = fill(images)
    index = Index.build(tmp_path / "index", store, basis=basis)
    assert (index.engine, index.info.engine_bytes) == ("tiles", 0)

    index = Index.build(index.folder, store, engine="faiss")
    files = [path for paths in _lists(index) for path in paths]
    assert index.info.engine_bytes == sum(path.stat().st_size for path in files) > 0
    # Codes, ids, and a size of each list.
    assert index.info.engine_bytes > 8 * 120 * (16 + 8)

    index = Index.build(index.folder, store, engine="tiles")
    assert index.engine == index.search(_query(images), **QUERY).attrs["engine"] == "tiles"
    Index.build(index.folder, store)
    assert _lists(index) == ([], [])


def test_an_index_that_has_grown_is_trained_anew(tmp_path, fill, build, images):
    small = build(fill({"a.jpg": images["a.jpg"]}))
    more = {f"{seed}.jpg": random_cells(10, 12, seed) for seed in range(20, 40)}

    large = Index.build(small.folder, fill(more))

    assert _manifest(large)["engine"]["cells"] == 21 * 120
    Index.build(small.folder, fill({}))
    assert len(_lists(large)[1]) == 1
    assert large.search(_query(images), **QUERY, top=1)["image"].values.tolist() == ["a.jpg"]


def test_an_index_without_images_is_trained_when_it_has_some(tmp_path, fill, build, images):
    store = fill({})
    store.folder.mkdir()
    empty = build(store)
    assert empty.engine == "faiss"
    assert empty.search(_query(images), **QUERY).sizes["hit"] == 0

    index = Index.build(empty.folder, fill(images))

    assert "sha256" in _manifest(index)["engine"]


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
@pytest.mark.parametrize("kind", [0, 1])
def test_damage_is_told_and_mended(fill, index, images, damage, kind):
    expected = index.search(_query(images), **QUERY)
    (path,) = _lists(index)[kind]
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        flipped = whole[:-9] + bytes([whole[-9] ^ 64]) + whole[-8:]
        path.write_bytes(whole[:-20] if damage == "cut" else flipped)

    fault = "there is no such file" if damage == "gone" else "is damaged"
    with pytest.raises(IndexFileError, match=rf"{path.name}: {fault}.*verify=True"):
        Index(index.folder).search(_query(images), **QUERY)
    ((_, error),) = index.verify()
    assert error is not None
    assert index.search(_query(images), **QUERY, exact=True).sizes["hit"] == 8
    index = Index.build(index.folder, fill({}), verify=True)
    assert path.read_bytes() == whole
    assert index.search(_query(images), **QUERY).identical(expected)


def test_a_damaged_manifest_does_not_lose_the_engine(fill, basis, index, images):
    expected = index.search(_query(images), **QUERY)
    (index.folder / "index.json").write_bytes(b"{}")

    again = Index.build(index.folder, fill({}), basis=basis, verify=True)

    assert again.search(_query(images), **QUERY).identical(expected)


def test_no_damage_crashes_a_search_and_every_flipped_bit_is_told(index, images):
    generator = np.random.default_rng(0)
    for (path,) in _lists(index):
        whole = path.read_bytes()
        places = generator.integers(len(whole), size=60).tolist()
        for place in [*places, *range(len(whole) - 40, len(whole))]:
            bit = 1 << int(generator.integers(8))
            path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            damaged = Index(index.folder)
            try:
                hits = damaged.search(_query(images), **QUERY)
            except IndexFileError:
                hits = None
            assert hits is None or hits["image"].values[0] == "a.jpg"
            assert [error is not None for _, error in damaged.verify()] == [True]
        path.write_bytes(whole)


def test_what_is_not_installed_is_named(fill, build, index, images, monkeypatch):
    load = builtins.__import__

    def without(name, *more):
        if name == "faiss":
            raise ImportError
        return load(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "faiss")
    other = Index(index.folder)
    for work in (
        lambda: build(fill({}), "other"),
        lambda: Index.build(index.folder, fill({})),
        lambda: other.search(_query(images), **QUERY),
    ):
        with pytest.raises(OptionError, match=r'pip install "descr-sdk\[search\]"'):
            work()
    assert other.search(_query(images), **QUERY, exact=True).sizes["hit"] == 8
    assert [error for _, error in other.verify()] == [None]
    assert Index.build(index.folder, fill({}), engine="tiles").engine == "tiles"


def test_a_system_where_faiss_maps_no_files_is_refused(fill, build, images, monkeypatch):
    monkeypatch.delattr(faiss, "OnDiskInvertedLists")
    with pytest.raises(OptionError, match="can't map files"):
        build(fill(images))


def test_another_engine_and_another_basis_are_refused(fill, build, index, images):
    with pytest.raises(OptionError, match=r"engine.*tiles"):
        Index.build(index.folder, fill({}), engine="annoy")
    other = Basis.fit([tree_of(random_cells(4, 4, 9), "z")], components=4)
    with pytest.raises(IncomparableFeaturesError, match="another basis"):
        Index.build(index.folder, fill({}), basis=other, engine="faiss")


def test_lists_that_can_not_be_written_leave_an_index_that_is_completed(
    fill, build, images, index, monkeypatch
):
    expected = index.search(_query(images), **QUERY)

    def no_room(path):
        raise OutputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(module, "whole_file", no_room)
        with pytest.raises(OutputError):
            build(fill({}), "other")
    stopped = Index(index.folder.parent / "other")
    assert list(stopped) == list(images)
    with pytest.raises(IndexFileError, match="build it again"):
        stopped.search(_query(images), **QUERY)

    assert stopped.search(_query(images), **QUERY, exact=True).sizes["hit"] == 8
    again = Index.build(stopped.folder, fill({}))
    assert again.search(_query(images), **QUERY).identical(expected)
