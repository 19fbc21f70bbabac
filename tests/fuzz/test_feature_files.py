"""Feature files with any bytes changed, their checksums mended and sealed anew or not."""

import contextlib
import functools
import os

import h5py
import numpy as np
import pytest
from descr.descriptors.errors import FeatureFileError
from descr.descriptors.store import load_features, read_feature_info, save_features
from hypothesis import given
from hypothesis import strategies as st
from support import hostile, trees
from support.mutations import examples, mutations


def small_tree():
    rng = np.random.default_rng(0)
    features = {name: rng.standard_normal((24, 8, 8)) for name in ("coarse", "fine")}
    about = {"source": "network", "settings": {"prompt": "🐱"}}
    layers = [trees.layer(values, name=name, **about) for name, values in features.items()]
    return trees.tree(*layers, name="żółw.jpg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With files as descr and other programs write them, and what no feature file may bring in."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "numbers").write_bytes(hostile.SECRET.tobytes())
    with h5py.File(folder / "numbers.nc", "w") as file:
        file["data"] = hostile.SECRET[: 24 * 8 * 8].reshape(24, 8, 8)
    os.mkfifo(folder / "pipe")
    tree = small_tree()
    save_features(tree, folder / "own.nc")
    zlib = {"features": {"compression": "zlib", "complevel": 1, "fletcher32": True}}
    encoding = {f"/network/{name}": zlib for name in ("coarse", "fine")}
    tree.to_netcdf(folder / "zlib.nc", encoding=encoding)
    tree.to_netcdf(folder / "plain.nc")
    return folder


ORIGINALS = st.sampled_from(["own.nc", "zlib.nc", "plain.nc"])


@functools.cache
def spans(path):
    return hostile.checksummed(path.read_bytes())


def check(path):
    """What the file gives must be features of numbers that lie in it, or an error of one line."""
    with contextlib.suppress(FeatureFileError):
        read_feature_info(path)
    with contextlib.suppress(FeatureFileError):
        for node in load_features(path).leaves:
            assert not np.any(node["features"].values == hostile.SECRET[0])


@examples(15)
@given(original=ORIGINALS, seal=st.booleans(), mend=st.booleans(), data=st.data())
def test_mutated_files(folder, original, seal, mend, data):
    path = folder / "mutated.nc"
    mutated = data.draw(mutations([(folder / original).read_bytes()], resize=not mend))
    if mend:
        mutated = hostile.mended(mutated, spans(folder / original))
    path.write_bytes(hostile.sealed_anew(mutated) if seal else mutated)
    check(path)
