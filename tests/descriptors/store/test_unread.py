import pickle

import numpy as np
import pytest
from descr.descriptors.errors import FeatureFileError
from descr.descriptors.store import load_features, load_map, save_features, save_map
from descr.descriptors.store.forms import FEATURES
from descr.descriptors.store.sealed import read_sealed
from descr.descriptors.store.unread import Unread, unread_nodes
from descr.matchers.testing import render_map
from support.trees import network_tree


@pytest.fixture(params=["own", "foreign"])
def path(request, tmp_path):
    """A feature file of descr, and one of another program."""
    path = tmp_path / "cat.nc"
    if request.param == "own":
        save_features(network_tree(), path)
    else:
        network_tree().to_netcdf(path)
    return path


def unread(path):
    """What is not read of a file, by group."""
    features = {}

    def wrap(one):
        features[one.group] = one
        return np.zeros(one.shape, np.float32)

    unread_nodes(path, wrap)
    return features


def test_features_are_read_by_their_group(path):
    tree, features = load_features(path), unread(path)
    assert list(features) == ["/network/coarse", "/network/fine"]
    for group, one in features.items():
        assert one.shape == (24, 8, 8)
        copy = pickle.loads(pickle.dumps(one))
        assert copy == one
        values = copy.read()
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, tree[group]["features"].values)


def test_they_are_found_from_another_folder(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    (coarse, _) = unread(path.name).values()
    monkeypatch.chdir("/")
    assert coarse.read().shape == coarse.shape


def test_the_other_layers_are_left_out(path):
    groups = read_sealed(path, FEATURES, values=["/network/fine"]).groups
    assert groups["/network/coarse"].arrays["features"].is_outline
    assert not groups["/network/fine"].arrays["features"].is_outline


def test_a_map_is_read_as_it_is_loaded(tmp_path):
    save_map(render_map(3, 4), tmp_path / "map.nc")
    (one,) = unread(tmp_path / "map.nc").values()
    np.testing.assert_array_equal(one.read(), load_map(tmp_path / "map.nc").values)


def test_a_group_or_a_shape_that_is_not_there_any_more(path):
    (coarse, _) = unread(path).values()
    for other in (
        Unread(coarse.path, "/network/rough", coarse.shape, coarse.seal),
        Unread(coarse.path, coarse.group, (24, 8, 9), coarse.seal),
        Unread(coarse.path, coarse.group, coarse.shape, b"another"),
    ):
        with pytest.raises(FeatureFileError, match="is another file than the one that was opened"):
            other.read()


def test_values_that_are_not_finite_are_refused_when_they_are_read(tmp_path):
    tree = network_tree()
    tree["network/fine"]["features"].values[0, 0, 0] = np.nan
    tree.to_netcdf(tmp_path / "nan.nc")
    coarse, fine = unread(tmp_path / "nan.nc").values()
    coarse.read()
    with pytest.raises(FeatureFileError, match=r"nan\.nc: .*network/fine.*NaN"):
        fine.read()
