import json
import os
from contextlib import suppress

import numpy as np
import PIL.Image
import pytest
from descr.applications.search import Index
from descr.descriptors import Basis, load_features, save_features
from descr.descriptors.errors import (
    FeatureFileError,
    ImageError,
    IncomparableFeaturesError,
    IndexFileError,
    OptionError,
    OutputError,
    PointError,
)
from descr.descriptors.features.tensors import Features

from .conftest import STEP, images_with_a_copy, random_cells, tree_of


def _centre(row: int, column: int) -> tuple[float, float]:
    return (column + 0.5) * STEP - 0.5, (row + 0.5) * STEP - 0.5


@pytest.fixture
def images():
    return images_with_a_copy("abcdef")


@pytest.fixture
def index(tmp_path, fill, basis, images):
    return Index.build(tmp_path / "index", fill(images), basis=basis)


def _query(images, key="a.jpg"):
    return tree_of(images[key], key)


@pytest.mark.parametrize("exact", [True, False])
def test_a_point_lies_where_its_cell_was_copied_to(index, images, exact):
    hits = index.search(_query(images), points=[_centre(2, 7)], around=0, exact=exact, top=3)

    assert hits["image"].values.tolist()[:2] == ["a.jpg", "b.jpg"]
    assert hits["score"].values[:2] == pytest.approx([1, 1], abs=1e-3)
    assert [hits[axis].values[1] for axis in "xy"] == pytest.approx(_centre(6, 3))
    assert hits["score"].values[2] < 0.95


def test_an_image_is_in_by_its_whole_name(tmp_path, fill, basis):
    names = ["a.jpg", "aa.jpg", "a.jpga", "b/a.jpg", "\u00e9.jpg", "\n\U0001f600.jpg"]
    images = {name: random_cells(2, 3, seed) for seed, name in enumerate(names)}
    index = Index.build(tmp_path / "index", fill(images), basis=basis)
    index = index.remove(["aa.jpg"])

    assert list(index) == sorted(set(names) - {"aa.jpg"})
    for name in index:
        assert name in index
        cells = index.map(name).features.numpy().transpose(1, 2, 0)
        np.testing.assert_allclose(cells, images[name], atol=0.01)
    for name in ("", "a.jp", "A.jpg", "aa.jpg", "a.jpgb", "jpg"):
        assert name not in index
        with pytest.raises(KeyError):
            index.map(name)
    assert 5 not in index


@pytest.mark.parametrize("exact", [True, False])
def test_the_cells_around_a_point_vote_on_where_it_lies(index, images, exact):
    x, y = _centre(3, 8)

    hits = index.search(_query(images), points=[(x + 2, y - 1)], around=1, exact=exact, top=3)

    assert hits["image"].values.tolist()[:2] == ["a.jpg", "b.jpg"]
    assert hits["agreement"].values[:2] == pytest.approx([1, 1])
    there = _centre(7, 4)
    assert [hits[axis].values[1] for axis in "xy"] == pytest.approx([there[0] + 2, there[1] - 1])
    assert hits["score"].values[2] < 0.7


@pytest.mark.parametrize("exact", [True, False])
def test_a_box_lies_where_its_cells_agree(index, images, exact):
    left, top = _centre(1, 6)
    right, bottom = _centre(4, 10)

    hits = index.search(_query(images), box=(left, top, right, bottom), exact=exact, top=3)

    assert hits["image"].values.tolist()[:2] == ["a.jpg", "b.jpg"]
    assert hits["agreement"].values[:2] == pytest.approx([1, 1])
    corners = np.stack([hits["corner_x"].values[1], hits["corner_y"].values[1]], axis=1)
    np.testing.assert_allclose(corners[0], _centre(5, 2), atol=0.01)
    np.testing.assert_allclose(corners[2], _centre(8, 6), atol=0.01)
    assert hits["score"].values[2] < 0.5


def test_a_mask_is_a_part_of_any_form(index, images):
    mask = np.zeros((10 * STEP, 12 * STEP), dtype=bool)
    mask[1 * STEP : 5 * STEP, 6 * STEP : 11 * STEP] = True

    hits = index.search(_query(images), mask=mask, top=2)

    assert hits["image"].values.tolist() == ["a.jpg", "b.jpg"]
    assert hits["agreement"].values == pytest.approx([1, 1])


def test_a_box_between_the_centres_of_cells_is_read_there(index, images):
    x, y = _centre(2, 7)

    hits = index.search(_query(images), box=(x + 1, y + 1, x + 2, y + 2), top=1)

    assert hits["image"].values.tolist() == ["a.jpg"]


def test_the_whole_image_finds_itself(index, images):
    hits = index.search(_query(images), top=1)

    assert hits["image"].values.tolist() == ["a.jpg"]
    assert float(hits["scale"][0]) == pytest.approx(1)
    assert not bool(hits["reflected"][0])


def test_all_forms_of_a_query_give_the_same(index, images, basis):
    tree = _query(images)
    forms = [tree, Features.from_tree(tree), basis.transform(tree)]

    hits = [index.search(form, points=[_centre(2, 7)]) for form in forms]

    assert hits[0].identical(hits[1])
    assert hits[0].identical(hits[2])


def test_no_more_hits_than_images(index, images):
    assert index.search(_query(images), points=[(5, 5)], top=100).sizes["hit"] == 6


def test_an_empty_index_gives_no_hit(tmp_path, fill, basis, images):
    store = fill({})
    store.folder.mkdir()
    index = Index.build(tmp_path / "index", store, basis=basis)

    assert len(index) == 0
    assert index.search(_query(images), points=[(5, 5)], exact=True).sizes["hit"] == 0


def test_building_again_adds_replaces_and_removes_what_changed(
    tmp_path, fill, basis, images, index
):
    store = fill({"g/h.jpg": images["a.jpg"], "c.jpg": images["a.jpg"]})
    store.path("a.jpg").unlink()
    changes = {}

    index = Index.build(
        tmp_path / "index", store, progress=lambda one: changes.update({one.key: one.status})
    )

    assert changes == {
        "a.jpg": "removed",
        "b.jpg": "kept",
        "c.jpg": "replaced",
        "d.jpg": "kept",
        "e.jpg": "kept",
        "f.jpg": "kept",
        "g/h.jpg": "added",
    }
    assert list(index) == ["b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg", "g/h.jpg"]
    hits = index.search(_query(images), points=[_centre(2, 7)], top=3)
    assert sorted(hits["image"].values.tolist()) == ["b.jpg", "c.jpg", "g/h.jpg"]


def test_an_index_that_grew_bit_by_bit_answers_as_one_that_was_built_at_once(
    tmp_path, fill, basis, images
):
    grown = None
    for key in images:
        grown = Index.build(tmp_path / "grown", fill({key: images[key]}), basis=basis)
    whole = Index.build(tmp_path / "whole", fill({}), basis=basis)

    query = {"points": [_centre(2, 7)], "around": 0, "exact": True}
    assert grown.search(_query(images), **query).identical(whole.search(_query(images), **query))
    shards = json.loads((tmp_path / "grown" / "index.json").read_text())["index"]["shards"]
    assert len(shards) <= 3


def test_images_are_removed_by_name(index, images):
    index = index.remove(["a.jpg", "f.jpg"])

    assert list(index) == ["b.jpg", "c.jpg", "d.jpg", "e.jpg"]
    hits = index.search(_query(images), points=[_centre(2, 7)], exact=True)
    assert hits["image"].values.tolist()[0] == "b.jpg"
    with pytest.raises(KeyError):
        index.remove(["b.jpg", "a.jpg"])
    assert "b.jpg" in Index(index.folder)


def test_maps_of_the_basis_are_taken_as_their_files_keep_them(tmp_path, basis, images, index):
    from descr.descriptors import FeatureStore
    from descr.descriptors.store import save_map

    store = FeatureStore(tmp_path / "maps", basis=basis)
    store.folder.mkdir()
    for key, cells in images.items():
        save_map(basis.transform(tree_of(cells, key)), store.path(key))

    other = Index.build(tmp_path / "other", store, basis=basis)

    query = {"points": [_centre(2, 7)], "around": 0, "exact": True}
    assert other.search(_query(images), **query).identical(index.search(_query(images), **query))


def test_a_file_that_is_damaged_is_left_out_with_its_error(tmp_path, fill, basis, images):
    store = fill(images)
    store.path("c.jpg").write_bytes(store.path("c.jpg").read_bytes()[:-1000])
    errors = {}

    index = Index.build(
        tmp_path / "index",
        store,
        basis=basis,
        progress=lambda one: errors.update({one.key: one.error} if one.error else {}),
    )

    assert list(errors) == ["c.jpg"]
    assert "c.jpg" not in index
    assert len(index) == 5
    with pytest.raises(FeatureFileError):
        Index.build(tmp_path / "other", store, basis=basis, strict=True)


def test_a_query_of_another_basis_is_refused(index, images):
    other = Basis.fit([tree_of(random_cells(4, 4, 9), "z")], components=4)

    with pytest.raises(IncomparableFeaturesError, match="another basis"):
        index.search(other.transform(_query(images)))
    with pytest.raises(IncomparableFeaturesError, match="another basis"):
        Index.build(index.folder, index.folder.parent / "features", basis=other)


def test_a_new_index_needs_a_basis(tmp_path, fill, images):
    with pytest.raises(OptionError, match="needs a basis"):
        Index.build(tmp_path / "new" / "index", fill(images))
    assert not (tmp_path / "new").exists()


def test_a_store_that_is_not_there_does_not_empty_an_index(index, tmp_path):
    with pytest.raises(OptionError, match="no folder"):
        Index.build(index.folder, tmp_path / "features-of-birds")

    assert len(Index(index.folder)) == 6


def test_an_index_does_not_lie_in_its_store(fill, basis, images):
    store = fill(images)

    for folder in (store.folder, store.folder / "birds.index"):
        with pytest.raises(OptionError, match="can't lie in the store"):
            Index.build(folder, store, basis=basis)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"points": [(5, 5)], "box": (1, 1, 9, 9)}, OptionError),
        ({"points": [(500, 5)]}, PointError),
        ({"box": (9, 1, 1, 9)}, PointError),
        ({"box": (1, 1, 9)}, PointError),
        ({"box": (1, 1, 9, 900)}, PointError),
        ({"top": 0}, OptionError),
        ({"points": [(5, 5)], "around": -1}, OptionError),
        ({"candidates": 0}, OptionError),
    ],
)
def test_what_can_not_be_looked_for_is_refused(index, images, options, error):
    with pytest.raises(error):
        index.search(_query(images), **options)


def test_an_image_needs_a_descriptor(index):
    with pytest.raises(OptionError, match="descriptor"):
        index.search(np.zeros((20, 20, 3), np.uint8))


def test_a_folder_without_an_index_is_none(tmp_path):
    with pytest.raises(IndexFileError, match="is no index"):
        Index(tmp_path)


def _files(folder):
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]


def test_no_damage_of_a_file_changes_an_answer(index, images):
    query = {"points": [_centre(2, 7)], "around": 0, "exact": True}
    expected = index.search(_query(images), **query)
    generator = np.random.default_rng(0)
    for path in _files(index.folder):
        whole = path.read_bytes()
        for damage in ("cut", "flip", "flip", "gone"):
            if damage == "gone":
                path.unlink()
            elif damage == "cut":
                path.write_bytes(whole[: int(generator.integers(len(whole)))])
            else:
                place = int(generator.integers(len(whole)))
                path.write_bytes(
                    whole[:place]
                    + bytes([whole[place] ^ 1 << int(generator.integers(8))])
                    + whole[place + 1 :]
                )
            try:
                hits = Index(index.folder).search(_query(images), **query)
            except (IndexFileError, FeatureFileError):
                hits = None
            path.write_bytes(whole)
            if hits is not None and path.name not in ("cells.npy", "cells_scales.npy"):
                assert hits.identical(expected), path
            if hits is not None:
                assert hits["image"].values[0] in ("a.jpg", "b.jpg")


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_damaged_index_is_mended_from_the_store(tmp_path, index, images, basis, damage):
    query = {"points": [_centre(2, 7)], "exact": True}
    expected = index.search(_query(images), **query)
    for name in ("cells", "cells_scales", "tiles", "tiles_scales", "images", "index", "basis"):
        (path,) = (one for one in _files(index.folder) if one.stem == name)
        whole = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            middle = len(whole) * 3 // 4
            flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
            path.write_bytes(whole[:middle] if damage == "cut" else flipped)
        again = Index.build(index.folder, tmp_path / "features", basis=basis, verify=True)
        assert again.search(_query(images), **query).identical(expected), name
        assert again.search(_query(images), points=[_centre(2, 7)]).sizes["hit"] == 6
        assert list(again) == list(images)


def test_verifying_a_whole_index_changes_nothing(tmp_path, index):
    index.measure_recall(queries=1, top=1)
    before = {path: path.read_bytes() for path in _files(index.folder)}
    changes = []
    Index.build(index.folder, tmp_path / "features", verify=True, progress=changes.append)
    assert {change.status for change in changes} == {"kept"}
    after = {path: path.read_bytes() for path in _files(index.folder)}
    assert list(after) == list(before)


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_what_an_index_says_of_damage_helps(tmp_path, index, damage):
    path = index.folder / "index.json"
    path.write_bytes(path.read_bytes()[:100] if damage == "cut" else b"[" + path.read_bytes()[1:])
    with pytest.raises(IndexFileError, match=r"index\.json: is damaged.*verify=True"):
        Index(index.folder)
    with pytest.raises(IndexFileError, match="verify=True"):
        Index.build(index.folder, tmp_path / "features")
    assert len(Index.build(index.folder, tmp_path / "features", verify=True)) == 6


def test_any_flipped_bits_of_a_table_are_told(index):
    from descr.applications.search.shards import Shard

    (path,) = index.folder.rglob("images.npz")
    about = json.loads((index.folder / "index.json").read_text())["index"]["shards"][0]
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    expected = Shard.open(index.folder, about).keys
    for place in generator.integers(len(whole), size=400).tolist():
        flipped = bytes([whole[place] ^ 1 << int(generator.integers(8))])
        path.write_bytes(whole[:place] + flipped + whole[place + 1 :])
        with suppress(IndexFileError):
            assert Shard.open(index.folder, about).keys == expected


def test_what_was_left_by_killed_writers_is_removed(tmp_path, index):
    for name in (".descr-1.json", "shards/.descr-1"):
        (index.folder / name).mkdir() if "/" in name else (index.folder / name).touch()
    os.utime(index.folder / ".descr-1.json", (1, 1))
    Index.build(index.folder, tmp_path / "features")
    assert not list(index.folder.rglob(".descr-*"))


def test_an_open_index_answers_as_before_while_it_is_changed(tmp_path, index, images):
    expected = index.search(_query(images), points=[_centre(2, 7)], exact=True)
    slow = Index(index.folder)
    index.remove(["a.jpg", "b.jpg", "c.jpg", "d.jpg"])

    assert slow.search(_query(images), points=[_centre(2, 7)], exact=True).identical(expected)
    assert "a.jpg" not in Index(index.folder)
    stale = Index(index.folder)
    for _ in range(2):
        Index.build(index.folder, tmp_path / "features")
    with pytest.raises(IndexFileError, match="open the index again"):
        stale.search(_query(images))


def test_two_writers_do_not_change_one_index(index):
    from descr.applications.search.manifest import locked

    with locked(index.folder), pytest.raises(OutputError, match="another process"):
        index.remove(["a.jpg"])


def test_the_map_of_an_image_is_its_directions_in_8_bits(index, images, basis):
    fmap = index.map("b.jpg")

    exact = basis.transform(Features.from_tree(_query(images, "b.jpg")))
    assert float((fmap.features * exact.features).sum(dim=0).min()) > 0.999
    assert index.search(fmap, top=1)["image"].values.tolist() == ["b.jpg"]


def test_recall_is_measured_kept_and_dropped_with_a_change(index):
    assert index.recall is None

    measured = index.measure_recall(queries=3, top=2)

    assert measured["recall"] == {"1 x 1": 1, "2 x 2": 1, "4 x 4": 1, "whole": 1}
    assert Index(index.folder).recall == measured
    assert index.remove(["a.jpg"]).recall is None


def test_recall_counts_what_candidates_miss(index, monkeypatch):
    from descr.applications.search import index as module

    monkeypatch.setattr(module, "_CANDIDATES", 1)

    recall = index.measure_recall(queries=6, top=2)["recall"]

    assert recall["1 x 1"] < 1


def test_an_index_says_what_it_consists_of_and_which_shards_are_damaged(index):
    assert index.info._replace(bytes=0, tile_bytes=0) == (6, 720, 1, 0, 0, None, "tiles", 0)
    # 3 x 3 tiles an image, of a byte for each channel and four for what scales them.
    assert 6 * 9 * 20 < index.info.tile_bytes < index.info.bytes
    ((name, error),) = index.verify()
    assert error is None
    path = index.folder / "shards" / name / "cells.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    ((_, error),) = index.verify()
    assert str(path) in error.message


def test_a_photograph_is_found_where_it_was_and_below_folders(tmp_path, fill, basis, images):
    store = fill({"deep/a.png": images["a.jpg"], "b.png": images["b.jpg"]})
    photograph = tmp_path / "photos" / "deep" / "a.png"
    photograph.parent.mkdir(parents=True)
    PIL.Image.new("RGB", (12 * STEP, 10 * STEP)).save(photograph)
    for key in store:
        tree = load_features(store.path(key))
        save_features(tree, store.path(key), image_path=tmp_path / "photos" / key)
    index = Index.build(tmp_path / "index", store, basis=basis)
    # An image that goes from one shard to another keeps what is known of it.
    index = Index.build(tmp_path / "index", fill({"c.png": images["c.jpg"]}), basis=basis)

    path, image = index.photograph("deep/a.png")
    assert path.samefile(photograph)
    assert image.pixels.shape == (80, 96, 3)
    with pytest.raises(ImageError, match=r"no photograph of b\.png at .*photos/b\.png"):
        index.photograph("b.png")
    with pytest.raises(ImageError, match="nothing says where it is"):
        index.photograph("c.png")
    with pytest.raises(KeyError):
        index.photograph("d.png")
    photograph.rename(tmp_path / "a.png")
    assert index.photograph("deep/a.png", [tmp_path])[0] == tmp_path / "a.png"
    PIL.Image.new("RGB", (12 * STEP, 10 * STEP), "red").save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png has other pixels"):
        index.photograph("deep/a.png", [tmp_path])


def test_a_folder_of_something_else_is_left_alone(tmp_path, fill, basis, images):
    (tmp_path / "photos" / "shards" / "glass").mkdir(parents=True)
    with pytest.raises(OutputError, match="something else than an index"):
        Index.build(tmp_path / "photos", fill(images), basis=basis)
    assert [*(tmp_path / "photos").rglob("*")] == [
        tmp_path / "photos" / "shards",
        tmp_path / "photos" / "shards" / "glass",
    ]


def test_an_index_without_a_manifest_is_made_anew_by_its_own_basis(tmp_path, index, images):
    (index.folder / "index.json").unlink()
    assert list(Index.build(index.folder, tmp_path / "features")) == sorted(images)
    (index.folder / "index.json").unlink()
    (index.folder / "basis.nc").write_bytes(b"")
    with pytest.raises(FeatureFileError, match=r"basis\.nc: is empty"):
        Index.build(index.folder, tmp_path / "features")


def test_a_lock_that_was_removed_meanwhile_is_none(index, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    flock = fcntl.flock

    def lock(number, how):
        flock(number, how)
        (index.folder / ".lock").unlink()

    monkeypatch.setattr(fcntl, "flock", lock)
    with pytest.raises(OutputError, match="another process is changing this index"):
        index.remove(list(index)[:1])
