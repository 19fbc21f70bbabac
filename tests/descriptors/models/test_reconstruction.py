import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from descr.descriptors import (
    SIFT,
    Basis,
    Descriptor,
    DINOv2,
    Fused,
    StableDiffusion,
    combine,
    create,
    descriptor_of,
    load_features,
    save_features,
)
from descr.descriptors.errors import IncomparableFeaturesError, WeightsNotFoundError
from support import own_classes
from support.models import DINOV2 as DINOV2_FOLDER
from support.models import IMAGES, make_cache
from support.trees import layer, tree


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which tiny models go by the names of published ones."""
    folder = make_cache(tmp_path / "hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    return folder


def kept(describe: Descriptor, path: Path) -> xr.DataTree:
    """The features of an image as they come back from a file."""
    save_features(describe.extract([IMAGES[0]])[0], path, lossless=True)
    return load_features(path)


def dinov2(**settings: Any) -> Descriptor:
    return DINOv2(size=112, device="cpu", **settings)


def diffusion(**settings: Any) -> Descriptor:
    return StableDiffusion(size=128, device="cpu", **settings)


MADE: dict[str, Callable[[], Descriptor]] = {
    "sift": lambda: SIFT(size=96, step=4, scales=(1, 2.5), fit="pad"),
    "dinov2": lambda: dinov2(layer=1, facet="key"),
    "sd": lambda: diffusion(timestep=50, layers=("up_1", "decoder_2"), prompt="a cat"),
    "sd without components": lambda: diffusion(components=None, noise="resized"),
    "dift": lambda: create("dift", category="cat", ensemble=2, size=128, device="cpu"),
    "fused": lambda: Fused(diffusion(), dinov2(), SIFT(size=96), weights=(0.2, 0.5, 0.9)),
    "one twice": lambda: Fused(SIFT(size=96), SIFT(size=96, step=4)),
    "fused within": lambda: Fused(Fused(SIFT(size=96), dinov2()), SIFT(size=64)),
}


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", MADE)
def test_the_descriptor_of_a_file_makes_the_same_features(name: str, tmp_path: Path) -> None:
    tree = kept(MADE[name](), tmp_path / "a.nc")
    describe = descriptor_of(tree, device="cpu")
    again = describe.extract([IMAGES[0]])[0]
    first, second = combine([tree, again])
    np.testing.assert_array_equal(first, second)
    parts = getattr(describe, "parts", (describe,))
    assert all(getattr(part, "device", "cpu") == "cpu" for part in parts)
    assert repr(descriptor_of(Basis.fit([tree]), device="cpu")) == repr(describe)


def test_a_class_of_ones_own_is_found_by_its_name(
    write_class: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = own_classes.NETWORK.format(by=1)
    tree = kept(write_class("of_my_own", text, "Network")(size=80), tmp_path / "a.nc")
    describe = descriptor_of(tree)
    assert repr(describe) == "Network(size=80)"
    combine([tree, *describe.extract([IMAGES[1]])])
    # Other code by the same name is another network.
    write_class("of_my_own", own_classes.NETWORK.format(by=2), "Network")
    with pytest.raises(IncomparableFeaturesError, match=r"network/grid: revision 'code-\w+"):
        descriptor_of(tree)


def test_an_option_of_ones_own_is_not_what_all_layers_say_by_its_name(
    write_class: Callable[..., Any], tmp_path: Path
) -> None:
    text = own_classes.NETWORK.format(by=1).replace("size=64)", "size=64, components=7, weight=2)")
    text = text.replace("(size=size)", "(size=size)\n        self.components = components")
    text = text.replace("self.components =", "self.weight = weight\n        self.components =")
    network = write_class("of_two_options", text, "Network")
    trees = [kept(network(weight=weight), tmp_path / "a.nc") for weight in (2, 3)]
    assert repr(descriptor_of(trees[1])) == "Network(size=64, components=7, weight=3)"
    with pytest.raises(IncomparableFeaturesError, match="network/grid: weight 2 against 3"):
        combine(trees)


def test_the_way_of_resampling_is_that_of_the_layers(
    write_class: Callable[..., Any], tmp_path: Path
) -> None:
    text = own_classes.NETWORK.format(by=1)
    for before, after in (
        ("size=64)", 'size=64, resampling="cascade")'),
        (
            "(size=size)",
            "(size=size)\n        self.resampling = resampling\n"
            '        self.layers = [Layer("grid", 8, resampling=resampling)]',
        ),
        ("layers = [", '_incidental = (*Backbone._incidental, "resampling")\n    layers = ['),
    ):
        text = text.replace(before, after, 1)
    network = write_class("resampled", text, "Network")
    for resampling in ("cascade", "direct"):
        tree = kept(network(resampling=resampling), tmp_path / "a.nc")
        assert "resampling" not in json.loads(tree["network/grid"].attrs["settings"])
        assert descriptor_of(tree).settings["resampling"] == resampling


def test_only_classes_of_descriptors_are_taken_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature file may come from anywhere: it can neither run a program nor call a function."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    ran = "from pathlib import Path\nPath('ran').touch()\ndef Network(**settings): ...\n"
    Path("program.py").write_text(ran)
    for model in (
        "program:Network",
        "program:Path",
        "os:system",
        "subprocess:Popen",
        "of_nobody:Network",
        ".program:Network",
        ":Network",
        "program:",
        "json:loads",
    ):
        bad = tree(layer(np.ones((2, 4, 4)), model=model, settings={"command": "touch ran"}))
        with pytest.raises(IncomparableFeaturesError, match=r"makes features like those of a\.png"):
            descriptor_of(bad)
    assert not Path("ran").exists()
    assert "program" not in sys.modules


def test_weights_that_are_not_here_name_the_command_that_gets_them(
    cache: Path, tmp_path: Path
) -> None:
    tree = kept(dinov2(), tmp_path / "a.nc")
    shutil.rmtree(cache)
    with pytest.raises(WeightsNotFoundError, match="descr models pull dinov2-base"):
        descriptor_of(tree)


@pytest.mark.parametrize("model", ["local", str(DINOV2_FOLDER), "dinov2-of-another-version"])
def test_a_folder_of_weights_is_not_taken_from_a_file(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    tree = kept(dinov2(model=str(DINOV2_FOLDER)), tmp_path / "a.nc")
    tree["dinov2/token"].attrs["model"] = model
    with pytest.raises(WeightsNotFoundError, match="the model of dinov2 lies in a folder") as error:
        descriptor_of(tree)
    assert "model=FOLDER" in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"revision": "0"}, "sift/scale_1: revision '0' against '2'"),
        ({"components": 3}, "sift/scale_1: components 3 against None"),
        ({"settings": {"step": 0}}, "step must be an integer of at least 1, not 0"),
        ({"settings": {"scales": [1, 2]}}, "the layers sift/scale_1 against sift/scale_1, sift/sc"),
        ({"settings": {"angle": 3}}, "sift is of 'opencv-sift', which is no class that can be"),
    ],
)
def test_what_cannot_be_made_again_is_named_in_short(changes: dict[str, Any], message: str) -> None:
    tree = SIFT(size=96).extract([IMAGES[0]])[0]
    attributes = tree["sift/scale_1"].attrs
    settings = {**json.loads(attributes["settings"]), **changes.pop("settings", {})}
    attributes |= {**changes, "settings": json.dumps(settings)}
    with pytest.raises(IncomparableFeaturesError, match=message) as error:
        descriptor_of(tree)
    assert len(error.value.message) < 160
    assert error.value.hint is not None


@pytest.mark.usefixtures("cache")
def test_noise_that_was_given_cannot_be_made_again(tmp_path: Path) -> None:
    noise = np.zeros((1, 4, 16, 16), np.float32)
    tree = kept(diffusion(noise=noise), tmp_path / "a.nc")
    with pytest.raises(IncomparableFeaturesError, match="noise must be one of gaussian"):
        descriptor_of(tree)
