import numpy as np
import pytest
import xarray as xr
from descr.descriptors.errors import InvalidFeaturesError
from descr.descriptors.image.reading import Image
from descr.descriptors.store import hdf5, load_features, save_features
from descr.descriptors.store.layout import groups_to_tree, tree_to_groups
from support.trees import build_tree, layer_features


def tree_of(source="network", layer="fine", name="cat.jpg"):
    return build_tree(
        Image(np.zeros((80, 80, 3), np.uint8), name),
        "Small()",
        [
            layer_features(
                source=source,
                layer=layer,
                features=np.ones((2, 1, 2), np.float32),
                y=np.array([10.0]),
                x=np.array([10.0, 20.0]),
                model="a/model",
                revision="",
                settings={},
            )
        ],
    )


def refused(tree, path, reason):
    with pytest.raises(InvalidFeaturesError, match=reason) as caught:
        save_features(tree, path / "tree.nc")
    assert "\n" not in str(caught.value)
    assert not list(path.iterdir())


def test_groups_and_tree_are_the_same_thing():
    tree = tree_of()
    groups = tree_to_groups(tree)
    assert [group.path for group in groups] == ["/", "/network", "/network/fine"]
    assert groups_to_tree(groups).identical(tree)


def test_numpy_numbers_become_those_of_python(tmp_path):
    tree = tree_of()
    tree.attrs["image_height"] = np.int32(80)
    tree["network/fine"].attrs["weight"] = np.float32(0.5)
    save_features(tree, tmp_path / "tree.nc")
    loaded = load_features(tmp_path / "tree.nc")
    assert type(loaded.attrs["image_height"]) is int
    assert type(loaded["network/fine"].attrs["weight"]) is float
    assert loaded.identical(tree)


@pytest.mark.parametrize("text", ["", "x" * 200_000, "é" * 100_000, "a\nb\t", "  a ", "日本 🐱"])
def test_any_text_is_kept(tmp_path, text):
    tree = tree_of(name=text)
    save_features(tree, tmp_path / "tree.nc")
    assert load_features(tmp_path / "tree.nc").attrs["image_name"] == text


@pytest.mark.parametrize("name", ["a b", "1", "_", "é", "日本", "🐱", "a.b", "n" * 255, "é" * 127])
def test_names_that_netcdf_allows(tmp_path, name):
    tree = tree_of(source=name, layer=name)
    tree.attrs[name] = 1
    save_features(tree, tmp_path / "tree.nc")
    assert load_features(tmp_path / "tree.nc").identical(tree)


@pytest.mark.parametrize(
    "name", [".a", "-a", "a ", "a\nb", "e\u0301", "\u212b", "\x7f", "n" * 256, "é" * 128, "*"]
)
def test_names_that_netcdf_does_not_allow(tmp_path, name):
    refused(tree_of(source=name), tmp_path, "source")
    refused(tree_of(layer=name), tmp_path, "layer")
    tree = tree_of()
    tree.attrs[name] = 1
    refused(tree, tmp_path, "the root")


@pytest.mark.parametrize("name", ["CLASS", "_NCProperties", "DIMENSION_LIST"])
def test_names_of_attributes_that_netcdf_keeps_for_itself(tmp_path, name):
    tree = tree_of()
    tree["network/fine/features"].attrs[name] = "mine"
    refused(tree, tmp_path, f"'{name}' of /network/fine/features")


@pytest.mark.parametrize("name", [5, "", "a/b"])
def test_names_of_attributes_that_are_none(tmp_path, name):
    tree = tree_of()
    tree["network/fine/features"].attrs[name] = "mine"
    refused(tree, tmp_path, "features of layer network/fine")


@pytest.mark.parametrize(
    "value", [True, np.True_, None, [1, 2], {}, np.zeros(2), 2**63, 1j, b"a", "a\0", "\ud800"]
)
def test_attributes_that_would_not_come_back(tmp_path, value):
    tree = tree_of()
    tree["network/fine"].attrs["odd"] = value
    refused(tree, tmp_path, "layer network/fine.*'odd'")


def test_other_variables_have_no_place(tmp_path):
    tree = tree_of()
    tree["network/fine"] = tree["network/fine"].to_dataset().assign_coords(channel=[1, 2])
    refused(tree, tmp_path, "layer network/fine.*channel")
    tree = tree_of()
    tree["network/mean"] = xr.DataArray(1.0)
    refused(tree, tmp_path, "source network.*mean")
    tree = tree_of()
    tree["mean"] = xr.DataArray(1.0)
    refused(tree, tmp_path, "the root.*mean")


def test_other_groups_have_no_place(tmp_path):
    tree = tree_of()
    tree["network/fine/deep"] = xr.DataTree()
    refused(tree, tmp_path, "network/fine has groups")
    tree = tree_of()
    tree["other"] = xr.DataTree()
    refused(tree, tmp_path, "other has no layer")


def test_coordinates_of_the_source_are_those_of_its_layers(tmp_path):
    tree = tree_of()
    layer = tree["network/fine"].to_dataset()
    shared = xr.DataTree.from_dict(
        {
            "/": tree.to_dataset(),
            "/network": layer[["y", "x"]].assign_attrs({}).drop_attrs(deep=False),
            "/network/fine": layer.drop_vars(["y", "x"]),
        }
    )
    save_features(shared, tmp_path / "tree.nc")
    assert load_features(tmp_path / "tree.nc").identical(tree)


def test_more_layers_than_are_read_back_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "MOST_GROUPS", 1)
    refused(tree_of(), tmp_path, "holds more than 1 sources and layers")
