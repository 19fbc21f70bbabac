"""Extraction on worker processes: what one process gives, whatever happens to a worker."""

import os
import signal
import sys

import cloudpickle
import numpy as np
import PIL.Image
import pytest
from descr.descriptors import SIFT, Backbone, Basis, DINOv2, FeatureStore, Fused, Layer
from descr.descriptors.errors import ClusterError, ImageError, WeightsNotFoundError
from descr.descriptors.runtime.code import code_digest
from descr.descriptors.testing import render_picture
from support.models import DINOV2
from torch.nn import functional

PROC = pytest.mark.skipif(sys.platform != "linux", reason="needs paths that differ by process")
SMALL = SIFT(size=64, step=16)


class Mortal(Backbone):
    """Mean colours; its process dies of pictures that begin in white, once or again and again."""

    layers = (Layer("cells", 8),)

    def __init__(self, *, once: str = ""):
        super().__init__(size=64, device="cpu")
        self.once = once

    def forward(self, pixels):
        if (pixels[:, :, 0, 0] == 1).all(dim=1).any() and not os.path.exists(self.once):
            if self.once:
                open(self.once, "x").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"cells": functional.avg_pool2d(pixels, 8)}


@pytest.fixture
def pictures(tmp_path):
    """By key, the paths of twelve photographs in two shapes; the first corner of one is white."""
    paths = {}
    for number in range(12):
        pixels = render_picture(*((64, 96) if number % 3 else (96, 64)), seed=number)
        pixels[:8, :8] = 255 * (number == 5)
        path = tmp_path / "photos" / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        PIL.Image.fromarray(pixels).save(path)
        paths[path.name] = path
    return paths


def contents(store):
    """All that is in the files of a store but for when they were made."""
    trees = {key: store[key] for key in store}
    for tree in trees.values():
        tree.attrs.pop("created")
    return trees


def comparable(outcomes):
    return [
        one._replace(file=os.path.basename(one.file), error=one.error and str(one.error))
        for one in outcomes
    ]


def check_alike(store, outcomes, expected_store, expected):
    assert comparable(outcomes) == comparable(expected)
    trees, others = contents(store), contents(expected_store)
    assert trees.keys() == others.keys()
    assert all(tree.identical(others[key]) for key, tree in trees.items())


def test_a_killed_worker_loses_nothing_and_all_is_as_of_one_process(client, tmp_path, pictures):
    (tmp_path / "photos" / "03.png").write_bytes(b"no image")
    reported = []
    store = FeatureStore(tmp_path / "features", Mortal(once=str(tmp_path / "died")))
    outcomes = store.extract(pictures, client=client, progress=reported.append)
    assert (tmp_path / "died").exists()
    assert sorted(one.key for one in reported) == list(pictures)
    assert [one.status for one in outcomes].count("extracted") == 11
    again = FeatureStore(tmp_path / "alone", store.describe)
    check_alike(store, outcomes, again, again.extract(pictures))
    kept = store.extract(pictures)
    assert [one.status for one in kept].count("kept") == 11
    assert sorted(path.name for path in store.folder.iterdir() if path.suffix != ".nc") == [
        ".features.sqlite"
    ]


def test_of_a_batch_that_kills_each_worker_one_image_has_failed(
    client, tmp_path, pictures, monkeypatch
):
    monkeypatch.setattr("descr.descriptors.store.workers.batch_length", lambda client, items: 3)
    store = FeatureStore(tmp_path / "features", Mortal())
    outcomes = {one.key: one for one in store.extract(pictures, client=client)}
    failed = outcomes.pop("05.png")
    assert isinstance(failed.error, ClusterError)
    assert failed.error.message == "05.png: each worker that was given it died"
    assert {one.status for one in outcomes.values()} == {"extracted"}
    assert list(store) == list(outcomes)


def test_images_that_are_no_paths_are_sent(client, tmp_path, pictures):
    pixels = np.asarray(PIL.Image.open(pictures["01.png"]))
    with pictures["02.png"].open("rb") as file:
        sources = {
            "array": pixels,
            "picture": PIL.Image.fromarray(pixels),
            "function": lambda: pixels[::-1],
            "open file": file,
            "relative": os.path.relpath(pictures["04.png"]),
        }
        store, alone = (FeatureStore(tmp_path / name, SMALL) for name in "ab")
        outcomes = store.extract(sources, client=client)
        file.seek(0)
        check_alike(store, outcomes, alone, alone.extract(sources))
    assert {one.status for one in outcomes} == {"extracted"}


def test_what_extract_is_asked_for_holds_on_workers(client, tmp_path, pictures):
    store = FeatureStore(tmp_path / "features", SMALL)
    planned = store.extract(pictures, client=client, dry_run=True)
    assert {one.status for one in planned} == {"extracted"}
    assert not store.folder.exists()
    first = store.extract(pictures, client=client)
    for options, status in (({}, "kept"), ({"verify": True}, "kept"), ({"force": True}, "redone")):
        outcomes = store.extract(pictures, client=client, **options)
        assert {one.status for one in outcomes} == {status}
    assert [one.sha256 for one in outcomes] == [one.sha256 for one in first]
    pictures["07.png"].write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"07\.png"):
        store.extract(pictures, client=client, strict=True)

    def interrupt(outcome):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.extract(pictures, client=client, verify=True, progress=interrupt)
    assert store.extract(pictures, client=client)[0].status == "kept"


def test_maps_of_a_basis_and_the_basis_itself_are_as_of_one_process(client, tmp_path, pictures):
    features = FeatureStore(tmp_path / "features", SMALL)
    features.extract(pictures)
    here = Basis.fit(features, components=8, cells=200)
    steps = []
    basis = Basis.fit(features, components=8, cells=200, client=client, progress=steps.append)
    assert basis.identity == here.identity
    assert steps == list(features)
    store, alone = (FeatureStore(tmp_path / name, SMALL, basis=basis) for name in "ab")
    outcomes = store.extract(pictures, client=client)
    assert comparable(outcomes) == comparable(alone.extract(pictures))
    assert all(store[key].identical(alone[key]) for key in pictures)


@PROC
def test_what_a_worker_cannot_reach_is_told(client, tmp_path, pictures, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = {key: f"/proc/self/cwd/photos/{key}" for key in pictures}
    with pytest.raises(ClusterError, match=r"photos/\d\d.png is on this machine, and not where"):
        FeatureStore(tmp_path / "a", SMALL).extract(own, client=client)
    with pytest.raises(ClusterError, match="is another folder here than where the work"):
        FeatureStore("/proc/self/cwd/b", SMALL).extract(pictures, client=client)
    (tmp_path / "weights").symlink_to(DINOV2)
    describe = DINOv2(model="/proc/self/cwd/weights", size=112)
    with pytest.raises(WeightsNotFoundError, match=r"cwd/weights.* \(on the worker tcp://"):
        FeatureStore(tmp_path / "c", describe).extract(pictures, client=client)


def test_a_class_without_a_module_on_the_workers_has_its_code_there(client):
    describe = Fused(Mortal(), SMALL)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    recipes = client.run(lambda: (describe.recipe, code_digest(describe)))
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert set(map(repr, recipes.values())) == {repr((describe.recipe, code_digest(describe)))}
