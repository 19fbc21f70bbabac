import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from descr.descriptors.errors import FeatureFileError, ForeignFileError, OptionError
from descr.descriptors.store import load_features, load_map, save_features, save_map, unread
from descr.descriptors.store.engine import Engine
from descr.matchers.testing import render_map
from support.trees import network_tree
from xarray.backends.plugins import list_engines

FMAP = render_map(3, 4)


@pytest.fixture
def trees(tmp_path):
    save_features(network_tree(), tmp_path / "cat.nc")
    return tmp_path / "cat.nc"


@pytest.fixture
def maps(tmp_path):
    save_map(FMAP, tmp_path / "map.nc")
    return tmp_path / "map.nc"


@pytest.fixture
def reads(monkeypatch):
    """Which groups are read for their values."""
    groups = []
    read = unread.read_sealed

    def note(path, *forms, values=True, **options):
        groups.extend(values or ())
        return read(path, *forms, values=values, **options)

    monkeypatch.setattr(unread, "read_sealed", note)
    return groups


def test_xarray_knows_the_engine():
    assert isinstance(list_engines()["descr"], Engine)


@pytest.mark.parametrize("chunks", [None, {}, {"channel": 5}])
def test_a_feature_file_gives_the_tree_that_load_features_gives(trees, chunks):
    tree = xr.open_datatree(trees, engine="descr", chunks=chunks)
    assert tree.compute().identical(load_features(trees))


@pytest.mark.parametrize("chunks", [None, {}, {"y": 2}])
def test_a_map_file_gives_the_map_that_load_map_gives(maps, chunks):
    fmap = xr.open_dataarray(maps, engine="descr", chunks=chunks)
    assert fmap.compute().identical(load_map(maps))
    tree = xr.open_datatree(maps, engine="descr", chunks=chunks)
    assert tree["features"].compute().identical(load_map(maps))


def test_a_layer_is_a_group(trees):
    tree = load_features(trees)
    for group in ("network/fine", "/network/coarse/"):
        layer = xr.open_dataset(trees, engine="descr", group=group)
        assert layer.identical(tree[group.strip("/")].to_dataset())
    assert xr.open_dataset(trees, engine="descr", group="/").attrs == tree.attrs
    groups = xr.open_groups(trees, engine="descr")
    assert list(groups) == ["/", "/network", "/network/coarse", "/network/fine"]


@pytest.mark.parametrize("chunks", [None, {}])
def test_values_are_read_when_they_are_asked_for_one_layer_at_a_time(trees, reads, chunks):
    tree = xr.open_datatree(trees, engine="descr", chunks=chunks)
    assert tree["network/fine"]["features"].isel(channel=3).shape == (8, 8)
    assert reads == []
    part = tree["network/fine"]["features"].isel(channel=[3, 1], y=slice(2, 5), x=-1)
    expected = load_features(trees)["network/fine"]["features"].values[[3, 1], 2:5, -1]
    np.testing.assert_array_equal(part.values, expected)
    assert reads == ["/network/fine"]


def test_maps_of_equal_grids_become_one_array(maps, tmp_path):
    save_map(FMAP[::-1].assign_coords(FMAP.coords), tmp_path / "other.nc")
    paths = [maps, tmp_path / "other.nc"]
    both = xr.open_mfdataset(paths, engine="descr", combine="nested", concat_dim="image")
    assert both["features"].sizes == {"image": 2, **FMAP.sizes}
    assert both["features"].chunks[0] == (1, 1)
    np.testing.assert_array_equal(both["features"][1], load_map(paths[1]))


def test_variables_can_be_left_out(trees, maps):
    assert not xr.open_dataset(maps, engine="descr", drop_variables="features").data_vars
    tree = xr.open_datatree(trees, engine="descr", drop_variables=["features", "x"])
    assert list(tree["network/fine"].variables) == ["y"]


@pytest.mark.parametrize("group", [None, "network/rough"])
def test_the_groups_are_named_where_none_is_meant(trees, group):
    with pytest.raises(OptionError, match=r"cat\.nc: .*'network/coarse' or 'network/fine'"):
        xr.open_dataset(trees, engine="descr", group=group)


def test_a_map_has_no_groups(maps):
    with pytest.raises(OptionError, match=r"map\.nc: has no group 'map' \(leave group out\)"):
        xr.open_dataset(maps, engine="descr", group="map")


def test_a_file_is_given_by_its_path(trees, monkeypatch):
    monkeypatch.setenv("HOME", str(trees.parent))
    assert xr.open_datatree("~/cat.nc", engine="descr").identical(load_features(trees))
    with trees.open("rb") as file, pytest.raises(OptionError, match=r"BufferedReader.*path"):
        xr.open_datatree(file, engine="descr")


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_file_is_not_opened(trees, maps):
    for path, load in ((trees, xr.open_datatree), (maps, xr.open_dataarray)):
        damage(path)
        with pytest.raises(FeatureFileError, match="its checksum is wrong"):
            load(path, engine="descr")


def test_a_file_that_is_damaged_later_gives_no_values(trees):
    tree = xr.open_datatree(trees, engine="descr")
    damage(trees)
    with pytest.raises(FeatureFileError, match="its checksum is wrong"):
        tree.load()


def test_a_file_that_was_replaced_gives_no_values(trees, maps):
    tree = xr.open_datatree(trees, engine="descr", chunks={})
    fmap = xr.open_dataarray(maps, engine="descr")
    save_features(network_tree("dog.jpg"), trees)
    save_map(render_map(4, 4), maps)
    for lazy in (tree, fmap):
        with pytest.raises(FeatureFileError, match=r"another file than the one.*open it again"):
            lazy.load()


def test_files_of_other_programs_are_read_apart(tmp_path, monkeypatch):
    network_tree().to_netcdf(tmp_path / "foreign.nc")
    tree = xr.open_datatree(tmp_path / "foreign.nc", engine="descr")
    assert tree.identical(load_features(tmp_path / "foreign.nc"))
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(ForeignFileError, match=r"other\.nc: is not a feature file"):
        xr.open_dataset(tmp_path / "other.nc", engine="descr")


def test_a_part_of_a_file_of_another_program_is_what_is_read_of_it(tmp_path):
    network_tree().to_netcdf(tmp_path / "foreign.nc")
    tree = xr.open_datatree(tmp_path / "foreign.nc", engine="descr")
    values = tree["network/fine"]["features"].isel(y=0).values
    np.testing.assert_array_equal(values, network_tree()["network/fine"]["features"][:, 0])


def test_only_sealed_files_are_taken_for_its_own(trees, maps, tmp_path):
    network_tree().to_netcdf(tmp_path / "foreign.nc")
    (tmp_path / "short").write_bytes(b"DESCRSHA")
    os.mkfifo(tmp_path / "pipe")
    engine = Engine()
    assert engine.guess_can_open(trees)
    assert engine.guess_can_open(str(maps))
    others = [tmp_path / name for name in ("foreign.nc", "short", "pipe", "missing")]
    for other in (*others, tmp_path, "https://example.org/cat.nc", "a\0b", trees.open, b"", None):
        assert not engine.guess_can_open(other)


def test_looking_for_engines_loads_no_network_library():
    code = "import sys, descr.descriptors.store.engine as e; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
