import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading

import netCDF4
import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.descriptors import (
    SIFT,
    Backbone,
    Basis,
    Descriptor,
    FeatureStore,
    Layer,
    combine,
    load_features,
    read_image,
)
from descr.descriptors.errors import (
    FeatureFileError,
    ForeignFileError,
    ImageError,
    InvalidFeaturesError,
    OptionError,
    OutOfMemoryError,
    OutputError,
)
from descr.descriptors.features.tensors import Features
from descr.descriptors.store.info import read_map_info
from descr.descriptors.store.maps import load_map, save_map
from descr.descriptors.testing import render_picture
from support.hostile import sealed_anew
from torch.nn import functional

SMALL = SIFT(size=64, step=16)


class Counting(Backbone):
    """Mean colours, and how many images the network saw."""

    layers = (Layer("cells", 8),)
    batch_size = 3

    def __init__(self, *, size: int = 64, gain: float = 1.0):
        super().__init__(size=size, device="cpu")
        self.gain = gain
        self.seen = 0

    def forward(self, pixels):
        self.seen += len(pixels)
        return {"cells": functional.avg_pool2d(pixels, 8) * self.gain}


@pytest.fixture
def pictures(tmp_path):
    """By key, the paths of seven photographs in two folders."""
    paths = {}
    for number in range(7):
        key = f"{'ab'[number % 2]}/{number}.png"
        path = tmp_path / "photos" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (64, 96) if number % 3 else (96, 64)
        PIL.Image.fromarray(render_picture(*shape, seed=number)).save(path)
        paths[key] = path
    return paths


def statuses(outcomes):
    return [outcome.status for outcome in outcomes]


def test_each_image_is_extracted_once_and_read_lazily(tmp_path, pictures):
    describe = Counting()
    store = FeatureStore(tmp_path / "features", describe)
    assert not list(store)
    assert statuses(store.extract(pictures)) == ["extracted"] * 7
    assert describe.seen == 7
    assert list(store) == sorted(pictures)
    assert len(store) == 7
    assert "a/0.png" in store
    assert "a/9.png" not in store
    for key, path in pictures.items():
        (tree,) = describe.extract([path])
        assert np.allclose(
            store[key]["counting/cells"].features, tree["counting/cells"].features, rtol=1e-3
        )
        assert store[key].attrs["image_path"].endswith(key)
        assert store[key].identical(load_features(store.path(key)))
        assert store.tensors(key).to_tree().identical(Features.from_tree(store[key]).to_tree())
    with pytest.raises(KeyError):
        store["a/9.png"]


@pytest.mark.parametrize("index", [True, False, "damaged"])
def test_a_second_run_keeps_what_is_there_with_an_index_and_without(tmp_path, pictures, index):
    FeatureStore(tmp_path / "features", Counting()).extract(pictures)
    place = tmp_path / "features" / ".features.sqlite"
    if index is False:
        place.unlink()
    elif index == "damaged":
        place.write_bytes(b"no database" * 1000)
    describe = Counting()
    for _ in range(2):
        outcomes = FeatureStore(tmp_path / "features", describe).extract(pictures)
        assert statuses(outcomes) == ["kept"] * 7
        assert outcomes[0].sha256
        assert (outcomes[0].height, outcomes[0].width) == (96, 64)
    assert describe.seen == 0
    with sqlite3.connect(place) as database:
        assert database.execute("SELECT count(*) FROM looks").fetchone() == (7,)


def test_no_flipped_bit_of_the_cache_changes_an_outcome(tmp_path, pictures):
    store = FeatureStore(tmp_path / "features", SMALL)
    store.extract(pictures)
    expected = store.extract(pictures)
    place = store.folder / ".features.sqlite"
    whole, generator = place.read_bytes(), np.random.default_rng(0)
    # All that is told of images lies at the end of the pages of the table.
    facts = [whole.index(one.sha256.encode()) + at for one in expected for at in (5, 64, 66, 68)]
    anywhere = generator.integers(len(whole), size=8).tolist()
    for at in [*facts, *anywhere]:
        bit = 1 << int(generator.integers(8))
        place.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
        assert store.extract(pictures, dry_run=True) == expected
    place.write_bytes(whole[: len(whole) // 2])
    assert store.extract(pictures) == expected


def test_a_finished_store_is_resumed_without_reading_an_image_or_a_file(
    tmp_path, pictures, monkeypatch
):
    FeatureStore(tmp_path / "features", Counting()).extract(pictures)
    monkeypatch.setattr("descr.descriptors.store.store.read_image", None)
    monkeypatch.setattr("descr.descriptors.store.store.why_extract", None)
    outcomes = FeatureStore(tmp_path / "features", Counting()).extract(pictures)
    assert statuses(outcomes) == ["kept"] * 7


def change_image(path, file):
    PIL.Image.fromarray(render_picture(64, 96, seed=99)).save(path)


def touch_image(path, file):
    os.utime(path, ns=(1, 1))


def damage_file(path, file):
    data = file.read_bytes()
    file.write_bytes(data[:-9] + bytes(9))


def remove_file(path, file):
    file.unlink()


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (change_image, "redone", "of another image"),
        (touch_image, "kept", ""),
        (damage_file, "redone", "damaged"),
        (remove_file, "extracted", ""),
    ],
)
def test_what_changed_is_looked_at_again(tmp_path, pictures, change, status, reason):
    store = FeatureStore(tmp_path / "features", Counting())
    store.extract(pictures)
    change(pictures["b/3.png"], store.path("b/3.png"))
    outcomes = store.extract(pictures)
    assert statuses(outcomes) == ["kept"] * 3 + [status] + ["kept"] * 3
    assert reason in outcomes[3].reason
    assert statuses(store.extract(pictures)) == ["kept"] * 7


def test_other_settings_make_files_anew_and_a_dry_run_says_so(tmp_path, pictures):
    FeatureStore(tmp_path / "features", Counting()).extract(pictures)
    other = FeatureStore(tmp_path / "features", Counting(gain=2.0))
    before = {key: other.path(key).read_bytes() for key in pictures}
    outcomes = other.extract(pictures, dry_run=True)
    assert statuses(outcomes) == ["redone"] * 7
    assert "gain 1.0 against 2.0" in outcomes[0].reason
    assert {key: other.path(key).read_bytes() for key in pictures} == before
    assert statuses(other.extract(pictures)) == ["redone"] * 7
    assert statuses(other.extract(pictures, force=True)) == ["redone"] * 7


def test_a_bad_image_is_no_end_of_the_others_unless_strict(tmp_path, pictures):
    pictures["b/3.png"].write_bytes(b"no picture")
    pictures["a/9.png"] = tmp_path / "none.png"
    reported = []
    store = FeatureStore(tmp_path / "features", Counting())
    outcomes = store.extract(pictures, progress=reported.append)
    assert statuses(outcomes) == ["extracted"] * 3 + ["failed"] + ["extracted"] * 3 + ["failed"]
    assert isinstance(outcomes[3].error, ImageError)
    assert {outcome.key for outcome in reported} == set(pictures)
    with pytest.raises(ImageError, match=r"3\.png"):
        store.extract(pictures, strict=True)


class Greedy(Descriptor):
    """Has no memory for tall pictures, and says so as Python does."""

    def extract(self, images):
        if any(read_image(image).height > 64 for image in images):
            raise MemoryError
        return SMALL.extract(images)


def test_memory_that_runs_out_is_no_end_of_the_others(tmp_path, pictures):
    outcomes = FeatureStore(tmp_path / "features", Greedy()).extract(pictures)
    failed = [outcome.error for outcome in outcomes if outcome.status == "failed"]
    assert [type(error) for error in failed] == [OutOfMemoryError] * 3
    assert statuses(outcomes).count("extracted") == 4


def test_what_has_not_begun_is_dropped_where_progress_raises(tmp_path, pictures):
    def stop(outcome):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as error:
        FeatureStore(tmp_path / "features", Counting()).extract(pictures, progress=stop)
    assert not any(thread.name.startswith("descr-") for thread in threading.enumerate())
    assert error.value is not None


def test_another_file_in_the_place_is_left_alone_unless_forced(tmp_path, pictures):
    store = FeatureStore(tmp_path / "features", Counting())
    store.path("a/0.png").parent.mkdir(parents=True)
    store.path("a/0.png").write_text("somebody's")
    outcomes = store.extract(pictures)
    assert isinstance(outcomes[0].error, ForeignFileError)
    assert store.path("a/0.png").read_text() == "somebody's"
    assert statuses(store.extract(pictures, force=True)) == ["redone"] + ["redone"] * 6


def test_verify_reads_what_seems_unchanged(tmp_path, pictures):
    store = FeatureStore(tmp_path / "features", Counting())
    store.extract(pictures)
    file = store.path("a/2.png")
    about = file.stat()
    data = file.read_bytes()
    file.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert [key for key, error in store.verify() if error is not None] == ["a/2.png"]
    assert statuses(store.extract(pictures)) == ["kept"] * 7
    outcomes = store.extract(pictures, verify=True)
    assert [one.key for one in outcomes if one.status != "kept"] == ["a/2.png"]
    assert not [key for key, error in store.verify() if error is not None]


def test_images_come_as_arrays_and_from_functions_too(tmp_path):
    store = FeatureStore(tmp_path / "features", SMALL)
    picture = render_picture(64, 64)
    outcomes = store.extract({"array": picture, "function": lambda: picture})
    assert statuses(outcomes) == ["extracted"] * 2
    assert statuses(store.extract({"array": picture, "function": lambda: picture})) == ["kept"] * 2
    assert "image_path" not in store["array"].attrs
    paths = [tmp_path / "a.png"]
    PIL.Image.fromarray(picture).save(paths[0])
    assert store.extract(paths)[0].key == "a.png"


def test_what_makes_no_sense_is_refused(tmp_path):
    store = FeatureStore(tmp_path / "features", SMALL)
    with pytest.raises(OptionError, match="two images are called"):
        store.extract([tmp_path / "a" / "1.png", tmp_path / "b" / "1.png"])
    with pytest.raises(OptionError, match="without a name"):
        store.extract([render_picture(64, 64)])
    with pytest.raises(OptionError, match="no descriptor"):
        FeatureStore(tmp_path).extract([])
    for key in ("../a.png", "/etc/a.png", ""):
        with pytest.raises(OutputError, match="relative path"):
            store.extract({key: render_picture(64, 64)})


NAMES = [
    ("line\nbreak.png", ""),
    ("'\"`$.png", ""),
    ("🐈\u200d⬛.png", ""),
    (os.fsdecode(b"caf\xe9.png"), ""),
    (os.fsdecode(b"caf\xe9/a.png"), "valid text"),
    ("n" * 248 + ".png", ""),
    ("n" * 251 + ".png", "too long"),
    ("a/" + "n" * 300 + "/a.png", "too long"),
    ("\0.png", "valid text"),
    ("\0/a.png", "valid text"),
    ("\ud800.png", "valid text"),
    ("\ud800/a.png", "valid text"),
]


def test_a_name_that_no_file_can_have_is_no_end_of_the_others(tmp_path, pictures):
    store = FeatureStore(tmp_path / "features", Counting())
    images = dict.fromkeys((name for name, _ in NAMES), pictures["a/0.png"])
    for _ in range(2):
        outcomes = store.extract(images)
        for outcome, (name, fault) in zip(outcomes, NAMES, strict=True):
            assert (outcome.status == "failed") == bool(fault)
            if fault:
                assert isinstance(outcome.error, ImageError)
                assert fault in str(outcome.error)
                assert outcome.error.message.startswith(name)
    assert statuses(outcomes).count("kept") == 5
    assert list(store) == sorted(name for name, fault in NAMES if not fault)
    assert not [error for _, error in store.verify() if error is not None]


def test_links_in_a_store_are_followed_but_not_in_circles(tmp_path, pictures):
    store = FeatureStore(tmp_path / "features", Counting())
    store.extract({"a/0.png": pictures["a/0.png"]})
    elsewhere = FeatureStore(tmp_path / "elsewhere", Counting())
    elsewhere.extract({"1.png": pictures["b/1.png"]})
    (store.folder / "a" / "up").symlink_to("..")
    (store.folder / "self").symlink_to("self")
    (store.folder / "self.nc").symlink_to("self.nc")
    (store.folder / "out").symlink_to(elsewhere.folder)
    (store.folder / "none.nc").symlink_to(tmp_path / "none")

    assert list(store) == ["a/0.png", "none", "out/1.png", "self"]
    broken = {key: str(error) for key, error in store.verify() if error is not None}
    assert list(broken) == ["none", "self"]
    assert all(f"{key}.nc" in error for key, error in broken.items())
    # A link is the owner's way to keep files elsewhere: they are replaced where they are.
    outcomes = store.extract({"out/1.png": pictures["b/3.png"]})
    assert statuses(outcomes) == ["redone"]
    assert elsewhere["1.png"].attrs["image_sha256"] == outcomes[0].sha256


def test_a_store_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    store = FeatureStore(tmp_path / "file", SMALL)
    with pytest.raises(FeatureFileError, match="file: can't be read: Not a directory"):
        list(store)
    with pytest.raises(OutputError, match="file: the folder can't be made"):
        store.extract({"a": render_picture(64, 64)})


def test_a_disk_that_is_full_ends_the_run_and_keeps_what_is_whole(tmp_path, pictures, monkeypatch):
    from descr.descriptors.store import store as module

    save, left = module.save_features, [3]

    def save_three(*arguments, **options):
        if not left[0]:
            raise OutputError("full")
        left[0] -= 1
        save(*arguments, **options)

    monkeypatch.setattr(module, "save_features", save_three)
    store = FeatureStore(tmp_path / "features", Counting())
    with pytest.raises(OutputError, match="full"):
        store.extract(pictures)
    assert len(store) == 3
    monkeypatch.undo()
    assert statuses(store.extract(pictures)).count("kept") == 3


def test_trees_of_another_image_are_not_kept(tmp_path):
    class Stale(SIFT):
        def attempts(self, images):
            for features in super().attempts(images):
                features.image["image_sha256"] = "0" * 64
                yield features

    (outcome,) = FeatureStore(tmp_path, Stale(size=64)).extract({"a": render_picture(64, 64)})
    assert isinstance(outcome.error, InvalidFeaturesError)
    assert os.listdir(tmp_path) in ([], [".features.sqlite"])


KILLED = """
import sys
from pathlib import Path
from descr.descriptors import SIFT, FeatureStore

photos = Path(sys.argv[1])
images = {path.name: path for path in sorted(photos.rglob("*.png"))}
store = FeatureStore(sys.argv[2], SIFT(size=64, step=16))
print("ready", flush=True)
store.extract(images, progress=lambda outcome: print(outcome.key, flush=True))
"""


@pytest.mark.parametrize("after", [1, 4])
def test_a_run_that_is_killed_goes_on_where_it_ended(tmp_path, pictures, after):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), tmp_path / "photos", tmp_path / "out"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for _ in range(1 + after):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = FeatureStore(tmp_path / "out", SMALL)
    assert all(error is None for _, error in store.verify())
    images = {path.name: path for path in pictures.values()}
    outcomes = store.extract(images)
    assert statuses(outcomes).count("kept") >= after - 1
    assert set(statuses(outcomes)) <= {"kept", "extracted"}
    whole = FeatureStore(tmp_path / "whole", SMALL)
    whole.extract(images)
    for key in images:
        ours, theirs = store[key], whole[key]
        assert ours["sift/scale_1"].features.equals(theirs["sift/scale_1"].features)


@pytest.mark.parametrize("lossless", [False, True])
def test_maps_through_a_basis_are_kept_in_place_of_trees(tmp_path, pictures, lossless):
    describe = SIFT(size=256)
    trees = FeatureStore(tmp_path / "trees", describe)
    trees.extract(pictures)
    basis = Basis.fit(trees, components=16)
    store = FeatureStore(tmp_path / "maps", describe, basis=basis, lossless=lossless)
    outcomes = store.extract(pictures)
    assert statuses(outcomes) == ["extracted"] * 7
    assert store["a/0.png"].attrs["image_path"].endswith("a/0.png")
    exact = combine([trees["a/0.png"]], basis=basis)[0]
    fmap = store["a/0.png"]
    cosines = (fmap * exact).sum("channel")
    assert fmap.attrs["basis"] == basis.identity
    assert fmap["source"].equals(exact["source"])
    if lossless:
        assert outcomes[0].lowest_cosine == 1
    else:
        assert 0.999 < outcomes[0].lowest_cosine < 1
        assert float(cosines.min()) > 0.9985
        assert store.path("a/0.png").stat().st_size < trees.path("a/0.png").stat().st_size / 3
    assert statuses(store.extract(pictures, verify=True)) == ["kept"] * 7
    other = FeatureStore(tmp_path / "maps", describe, basis=Basis.fit(trees, components=8))
    assert {one.reason for one in other.extract(pictures, dry_run=True)} == {"of another basis"}


def test_map_files_state_what_they_lose_and_are_checked(tmp_path, pictures):
    basis = Basis.fit(SMALL.features(pictures.values()), components=8)
    fmap = basis.transform(SMALL.extract([pictures["a/0.png"]])[0])
    path = tmp_path / "map.nc"
    lowest = save_map(fmap, path)
    info = read_map_info(path)
    assert info.lowest_cosine == lowest
    assert info.shape == fmap.shape
    loaded = load_map(path)
    assert float((loaded * fmap).sum("channel").min()) == pytest.approx(lowest, abs=1e-6)
    assert np.allclose(np.linalg.norm(loaded, axis=0), 1, atol=1e-6)
    assert loaded.attrs == fmap.attrs
    tensors = FeatureStore(tmp_path, basis=basis).tensors("map")
    assert tensors.to_xarray().identical(loaded)
    with xr.open_dataset(path, group="map/cells") as plain:
        assert np.allclose(plain["features"], loaded, atol=0.01)
        assert np.array_equal(plain["y"], loaded["y"])
    data = path.read_bytes()
    path.write_bytes(sealed_anew(data))
    assert load_map(path).identical(loaded)  # as another user's, which HDF5 reads
    path.write_bytes(data[:300] + bytes([data[300] ^ 1]) + data[301:])
    with pytest.raises(FeatureFileError, match="checksum is wrong"):
        load_map(path)
    path.write_bytes(data)
    with pytest.raises(ForeignFileError, match="is a feature map, not a feature file"):
        load_features(path)


@pytest.mark.parametrize("channels", ['[["sift", "scale_1", 1000000000000]]', "[]", "8", "[[1]]"])
def test_labels_of_other_channels_than_the_map_has_are_refused(tmp_path, pictures, channels):
    basis = Basis.fit(SMALL.features(pictures.values()), components=8)
    path = tmp_path / "map.nc"
    save_map(basis.transform(SMALL.extract([pictures["a/0.png"]])[0]), path)
    with netCDF4.Dataset(path, "a") as file:
        file.channels = channels
        file.delncattr("descr_seal")
    with pytest.raises(FeatureFileError, match="holds no feature map"):
        load_map(path)


def test_a_map_that_does_not_say_of_which_image_it_is_is_made_anew(tmp_path, pictures):
    basis = Basis.fit(SMALL.features(pictures.values()), components=8)
    store = FeatureStore(tmp_path / "maps", SMALL, basis=basis)
    store.extract(pictures)
    with netCDF4.Dataset(store.path("a/0.png"), "a") as file:
        file.delncattr("image_sha256")
        file.delncattr("descr_seal")
    outcomes = store.extract(pictures)
    assert statuses(outcomes) == ["redone"] + ["kept"] * 6
    assert outcomes[0].reason == "damaged, or of another schema"


def test_symbolic_links_and_names_of_any_kind_go_through(tmp_path, pictures):
    source = pictures["a/0.png"]
    names = [
        "a b.png",
        "ü😀.png",
        "new\nline.png",
        "quote'\".png",
        "x" * 240 + ".png",
        os.fsdecode(b"\xff.png"),
    ]
    images = {}
    for name in names:
        shutil.copy(source, tmp_path / name)
        images[name] = tmp_path / name
    (tmp_path / "link.png").symlink_to(source)
    images["link.png"] = tmp_path / "link.png"
    store = FeatureStore(tmp_path / "features", SMALL)
    assert statuses(store.extract(images)) == ["extracted"] * 7
    assert list(store) == sorted(images)
    assert statuses(store.extract(images)) == ["kept"] * 7
