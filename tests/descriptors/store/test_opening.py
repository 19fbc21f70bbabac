import shutil
from importlib import util

import dask.array
import numpy as np
import pytest
import xarray as xr
from descr.descriptors import FeatureMap, Features, FeatureStore, combine, open_store
from descr.descriptors.errors import FeatureFileError, ForeignFileError, OptionError
from descr.descriptors.store import load_features, load_map, opening, save_features, save_map
from descr.descriptors.store.forms import FEATURES
from descr.descriptors.store.sealed import read_sealed
from descr.matchers.testing import render_map
from support.trees import network_tree


def fill(folder, *keys):
    """Feature files of these keys, each of an image of its own."""
    for key in keys:
        path = FeatureStore(folder).path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_features(network_tree(key.replace("/", "-")), path)
    return folder


def loaded(node):
    """A node of a store as a tree of its own, all in memory."""
    tree = node.compute()
    tree.name = None
    return tree


def test_a_store_is_a_tree_of_what_its_files_hold(tmp_path):
    store = FeatureStore(fill(tmp_path / "features", "a.jpg", "birds/robin.jpg", "birds/old/b.jpg"))
    for tree in (open_store(store), open_store(str(store.folder))):
        assert tree.name == "features"
        for key in store:
            assert loaded(tree[key]).identical(store[key])
    assert set(tree["birds"].children) == {"old", "robin.jpg"}


def test_each_layer_is_one_chunk_that_is_read_when_it_is_computed(tmp_path, monkeypatch):
    monkeypatch.setattr(opening.Unread, "read", lambda self: pytest.fail("read"))
    tree = open_store(fill(tmp_path, "a.jpg", "b.jpg"))
    layers = [node["features"] for node in tree.leaves]
    assert all(isinstance(one.data, dask.array.Array) for one in layers)
    assert all(one.data.npartitions == 1 for one in layers)
    assert len({one.data.name for one in layers}) == 4
    assert [one.sizes["channel"] for one in layers] == [24] * 4
    tree["a.jpg/network/fine"].to_dataset().isel(x=slice(3))


def test_the_same_features_have_one_name(tmp_path):
    fill(tmp_path, "a.jpg")
    names = {open_store(tmp_path)["a.jpg/network/fine/features"].data.name for _ in range(2)}
    fill(tmp_path, "a.jpg")
    assert len(names) == 1
    save_features(network_tree("other.jpg"), tmp_path / "a.jpg.nc")
    assert open_store(tmp_path)["a.jpg/network/fine/features"].data.name not in names


def test_maps_are_arrays_that_can_be_stacked(tmp_path):
    for name in "ab":
        save_map(render_map(3, 4), tmp_path / f"{name}.nc")
    tree = open_store(tmp_path)
    assert tree["a"]["features"].compute().identical(load_map(tmp_path / "a.nc"))
    maps = xr.concat([node["features"] for node in tree.leaves], "image")
    assert maps.data.chunksize == (1, 12, 3, 4)
    np.testing.assert_array_equal(maps[1], load_map(tmp_path / "b.nc"))


def test_lazy_trees_are_combined_as_loaded_ones_are(tmp_path):
    store = FeatureStore(fill(tmp_path, "a.jpg", "b.jpg"))
    tree = open_store(store)
    lazy = combine([tree[key] for key in store])
    eager = combine([store[key] for key in store])
    assert all(one.identical(other) for one, other in zip(lazy, eager, strict=True))


def test_lazy_features_are_read_once(tmp_path, monkeypatch):
    save_map(render_map(6, 8), tmp_path / "map.nc")
    reads, read = [], opening.Unread.read
    monkeypatch.setattr(opening.Unread, "read", lambda self: reads.append(self) or read(self))
    tree = open_store(fill(tmp_path, "a.jpg", "b.jpg"))
    Features.from_tree(tree["a.jpg"])
    assert sorted(one.group for one in reads) == ["/network/coarse", "/network/fine"]
    reads.clear()
    fmap = tree["map"]["features"]
    for use in (
        lambda: FeatureMap.from_xarray(fmap),
        lambda: fmap.descr.similarity((3, 4)),
        lambda: fmap.descr.draw(width=100),
    ):
        use()
        assert reads.pop().group == "/map/cells"
        assert reads == []


def test_an_image_whose_key_is_the_folder_of_others_is_called_as_its_file(tmp_path):
    keys = ["a", "a/b.jpg", "a/network", "a.nc", "c", "c/d"]
    store = FeatureStore(fill(tmp_path, *keys))
    assert sorted(store) == sorted(keys)
    tree = open_store(store)
    for key in keys:
        node = {"a": "a.nc.nc", "c": "c.nc"}.get(key, key)
        assert loaded(tree[node]).identical(store[key]), key


def test_a_damaged_file_gives_no_values(tmp_path):
    fill(tmp_path, "a.jpg", "b.jpg")
    data = bytearray((tmp_path / "a.jpg.nc").read_bytes())
    data[len(data) // 3] ^= 1
    (tmp_path / "a.jpg.nc").write_bytes(data)
    tree = open_store(tmp_path)
    tree["b.jpg"].load()
    with pytest.raises(FeatureFileError, match=r"a\.jpg\.nc: is damaged: its checksum is wrong"):
        tree.compute()


def test_files_that_are_gone_or_replaced_give_no_values(tmp_path):
    tree = open_store(fill(tmp_path, "a.jpg", "b.jpg"))
    (tmp_path / "a.jpg.nc").unlink()
    shutil.copy(fill(tmp_path / "other", "c.jpg") / "c.jpg.nc", tmp_path / "b.jpg.nc")
    with pytest.raises(FeatureFileError, match=r"a\.jpg\.nc: there is no such file"):
        tree["a.jpg"].load()
    with pytest.raises(FeatureFileError, match=r"b\.jpg\.nc: is another file than the one that"):
        tree["b.jpg"].load()


def test_files_of_other_programs_are_read_apart(tmp_path):
    network_tree().to_netcdf(tmp_path / "cat.jpg.nc")
    expected = load_features(tmp_path / "cat.jpg.nc")
    assert loaded(open_store(tmp_path)["cat.jpg"]).identical(expected)
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(ForeignFileError, match=r"other\.nc: is not a feature file"):
        open_store(tmp_path)


@pytest.mark.parametrize("place", range(0, 400, 23))
def test_a_directory_that_is_believed_can_do_no_harm(tmp_path, place):
    path = fill(tmp_path, "a") / "a.nc"
    data = bytearray(path.read_bytes())
    # Digits in the directory: shapes, places and lengths.
    digits = [at for at in range(data.index(b'[{"path"'), len(data)) if 48 <= data[at] < 58]
    at = digits[place % len(digits)]
    data[at] = ord("9") if data[at] != ord("9") else ord("8")
    path.write_bytes(data)
    with pytest.raises(FeatureFileError):
        open_store(tmp_path).load()


def test_no_value_is_believed(tmp_path):
    path = fill(tmp_path, "a") / "a.nc"
    contents = read_sealed(path, FEATURES, values=False, is_known=True)
    assert all(group.arrays["features"].is_outline for group in list(contents.groups.values())[2:])
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(FeatureFileError, match="checksum"):
        read_sealed(path, FEATURES, is_known=True)


def test_an_empty_folder_is_an_empty_tree_and_none_an_error(tmp_path):
    assert not open_store(tmp_path).children
    with pytest.raises(FeatureFileError, match=r"missing: there is no such folder"):
        open_store(tmp_path / "missing")


def test_without_dask_it_says_what_to_install(tmp_path, monkeypatch):
    find = util.find_spec
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == "dask" else find(name))
    with pytest.raises(OptionError, match=r"needs dask.*descr-sdk\[distributed\]"):
        open_store(tmp_path)
