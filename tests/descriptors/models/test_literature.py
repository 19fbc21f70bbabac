import numpy as np
import pytest
from descr.descriptors import DINOv2, Fused, StableDiffusion, combine, create
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from descr.descriptors.features.tree import tree_layers
from descr.descriptors.models.literature import DIFT
from support.models import DINOV2, IMAGES, STABLE_DIFFUSION
from support.reference import reference
from support.registered import create_tiny

PARTS = {
    "sd": {"model": str(STABLE_DIFFUSION), "size": 128},
    "dinov2": {"model": str(DINOV2), "size": 112},
}


def test_fused_is_the_papers_two_parts():
    by_name = create_tiny("fused")
    place = {"device": "cpu", "dtype": "float32"}
    by_hand = Fused(StableDiffusion(**PARTS["sd"], **place), DINOv2(**PARTS["dinov2"], **place))
    assert repr(by_name) == repr(by_hand)
    for named, output in zip(by_name(*IMAGES), by_hand(*IMAGES), strict=True):
        assert named.identical(output)


def test_settings_of_the_parts_are_handed_on():
    describe = create_tiny("fused", sd={**PARTS["sd"], "timestep": 50}, weights=(1, 3))
    stable_diffusion, dinov2 = describe.parts
    assert stable_diffusion.settings["timestep"] == 50
    assert dinov2.settings["device"] == "cpu"
    weights = [layer.attrs["weight"] for layer in tree_layers(describe.extract(IMAGES)[0]).values()]
    assert weights == [1.0, 1.0, 1.0, 3.0]


def test_the_map_is_laid_out_as_in_the_paper():
    a, _ = create_tiny("fused")(*IMAGES)
    assert list(dict.fromkeys(a.layer.values)) == ["decoder_8", "decoder_5", "decoder_2", "token"]
    assert np.allclose(np.linalg.norm(a[a.source == "dinov2"], axis=0), 0.5**0.5, atol=1e-6)


def test_stable_diffusion_features_reach_the_maps_unchanged():
    # The reference has a prompt of its own and its own noise.
    describe = create_tiny(
        "sd", prompt="a photo of a cat", noise=reference("noise"), components=None
    )
    trees = describe.extract(IMAGES)
    for index, tree in enumerate(trees):
        for block in (2, 5, 8):
            features = tree[f"stable_diffusion/decoder_{block}"]["features"].values
            assert np.abs(features - reference(f"decoder_block{block}_t100")[index]).max() < 1e-4
    combine(trees)


def test_dift_is_the_papers_setting():
    describe = create_tiny("dift")
    settings = describe.settings
    assert isinstance(describe, DIFT)
    assert (settings["timestep"], settings["ensemble"], settings["fit"]) == (261, 8, "stretch")
    assert settings["layers"] == ["up_1"]
    assert describe.prompt == ""
    assert create_tiny("dift", category="cat").prompt == "a photo of a cat"
    (layer,) = tree_layers(describe.extract(IMAGES[:1])[0]).values()
    assert "components" not in layer.attrs


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fused", {"sd": {"timestop": 3}}, "unknown option of sd: 'timestop'.*'timestep'"),
        ("fused", {"dinov2": {**PARTS["dinov2"], "layer": 9}}, "layer must be"),
        ("fused", {"sd": 3}, "sd must be the settings of that part by name, not 3"),
        ("fused", {"weights": (1,)}, "weights must be 2 numbers"),
        ("dift", {"category": 3}, "category must be text"),
        ("dift", {"prompt": "a cat"}, "unknown option of descriptor 'dift': 'prompt'"),
    ],
)
def test_bad_options_are_named(name, options, message):
    with pytest.raises(OptionError, match=message):
        create_tiny(name, **options)


@pytest.mark.parametrize(
    ("name", "model"),
    [("sd", "sd-1.5"), ("dinov2", "dinov2-base"), ("dift", "sd-2.1")],
)
def test_missing_weights_name_the_command_that_gets_them(name, model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsNotFoundError, match=f"'{model}'.*descr models pull {model}"):
        create(name)


def test_both_missing_weights_come_with_one_command(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsNotFoundError, match=r"'sd-1.5' and 'dinov2-base'.*pull fused "):
        create("fused")
    with pytest.raises(WeightsNotFoundError, match="descr models pull dinov2-small"):
        create("fused", sd={"model": str(STABLE_DIFFUSION)}, dinov2={"model": "dinov2-small"})
    with pytest.raises(OptionError, match="modell"):
        create("fused", sd={"modell": "sd-1.5"})
