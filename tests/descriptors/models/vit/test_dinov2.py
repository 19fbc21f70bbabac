import json

import numpy as np
import pytest
import torch
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from descr.descriptors.models.vit import base
from descr.descriptors.models.vit.dinov2 import DINOv2
from descr.descriptors.testing import check_descriptor, render_picture
from support.models import (
    DINOV2,
    DINOV2_REGISTERS,
    IMAGES,
    copy,
    edit,
    make_giant,
)
from support.reference import reference

MODELS = {"dinov2": DINOV2, "dinov2_registers": DINOV2_REGISTERS}
READ = {
    "token": {},
    "normed": {"norm": True},
    "query": {"facet": "query"},
    "key": {"facet": "key"},
    "value": {"facet": "value"},
    "block1_token": {"layer": 1},
}


def tiny(model=DINOV2, **options) -> DINOv2:
    return DINOv2(
        **{"model": str(model), "size": 112, "device": "cpu", "dtype": "float32", **options}
    )


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("canvas", ["", "_rect"])
@pytest.mark.parametrize("model", MODELS)
def test_features_are_those_of_the_original(model, canvas, read):
    describe = tiny(MODELS[model], **READ[read])
    with torch.inference_mode():
        (features,) = describe.forward(torch.from_numpy(reference(f"dino_pixels{canvas}"))).values()
    expected = reference(f"{model}{canvas}_{read}")
    assert features.shape == expected.shape
    assert np.abs(features.numpy() - expected).max() < 1e-4


def test_extraction_gives_the_features_of_the_original_on_the_images():
    # The arrays were made from pixels on a canvas of another size, so that here the canvas is
    # made by hand and passes through extraction unchanged.
    pixels = reference("dino_pixels")
    pictures = [np.round(image.transpose(1, 2, 0) * 255).astype(np.uint8) for image in pixels]
    exact = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    describe = tiny()
    trees = describe.extract(pictures)
    with torch.inference_mode():
        expected = describe.forward(exact)["token"].numpy()
    for tree, features in zip(trees, expected, strict=True):
        layer = tree["dinov2/token"]
        assert np.allclose(layer["features"], features, atol=1e-5)
        assert np.allclose(layer["x"], np.arange(8) * 14 + 6.5)
        assert layer.attrs["model"] == "local"
        assert layer.attrs["revision"].startswith("local-")


def test_a_dinov2_keeps_every_promise_of_a_descriptor():
    check_descriptor(tiny(DINOV2_REGISTERS, fit="aspect"))


@pytest.mark.parametrize("stride", [7, 2])
def test_overlapping_patches_hold_those_that_do_not_overlap(stride):
    # At the size of training no position is interpolated, and one block without attention to
    # neighbours is its patch embedding: cells at multiples of 14 are then the same.
    describe, fine = tiny(facet="value", layer=0), tiny(facet="value", layer=0, stride=stride)
    picture = render_picture(112, 112)
    coarse = describe.extract([picture])[0]["dinov2/value"]
    dense = fine.extract([picture])[0]["dinov2/value"]
    count = (112 - 14) // stride + 1
    assert dense["features"].shape == (24, count, count)
    assert np.allclose(dense["x"], np.arange(count) * stride + 6.5)
    shared = dense["features"].sel(x=coarse["x"].values, y=coarse["y"].values, method="nearest")
    similar = np.corrcoef(shared.values.ravel(), coarse["features"].values.ravel())[0, 1]
    assert similar > 0.99


def test_a_gated_model_loads_from_weights_as_the_hub_names_them(tmp_path):
    from transformers import Dinov2Model

    folder = make_giant(tmp_path)
    describe = tiny(folder, size=70, norm=True)
    whole = Dinov2Model.from_pretrained(folder).eval()
    pixels = torch.rand(2, 3, 70, 70, generator=torch.Generator().manual_seed(0))
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    normal = (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]
    with torch.inference_mode():
        ours = describe.forward(pixels)["token"].flatten(2).transpose(1, 2)
        theirs = whole(normal).last_hidden_state[:, 1:]
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_class_derived_from_it_may_have_a_source_of_its_own():
    class Mine(DINOv2):
        source = "mine"

    describe = Mine(model=str(DINOV2), size=112, device="cpu")
    assert "mine/token" in describe.extract([IMAGES[0]])[0].groups[-1]


def test_what_comes_after_the_block_is_not_loaded():
    describe = tiny(layer=1)
    assert len(describe.network.encoder.layer) == 2
    assert describe.network.layernorm is None
    with torch.inference_mode():
        assert len(tiny(layer=0, facet="key").forward(torch.rand(1, 3, 28, 28))) == 1


def test_the_last_block_is_named_in_the_settings():
    layer = tiny().extract([IMAGES[0]])[0]["dinov2/token"]
    assert json.loads(layer.attrs["settings"])["layer"] == 2
    assert tiny().settings == tiny(layer=2).settings


def test_defaults_are_those_of_the_paper(tmp_path):
    folder = copy(DINOV2, tmp_path)
    describe = DINOv2(model=str(folder), device="cpu")
    assert (describe.size, describe.fit, describe.stride) == (840, "pad", 14)
    assert (describe.facet, describe.norm, describe.layer) == ("token", False, 2)
    assert describe.canvas(600, 800).x.length == 840
    assert describe.layers[0].count(840) == 60


@pytest.mark.usefixtures("half_precision")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_gives_nearly_the_same_features(dtype):
    full, low = (
        tiny(dtype=name).extract(IMAGES[:1])[0]["dinov2/token"]["features"].values
        for name in ("float32", dtype)
    )
    cosine = (full * low).sum(0) / np.linalg.norm(full, axis=0) / np.linalg.norm(low, axis=0)
    assert low.dtype == np.float32
    assert cosine.min() > 0.99


def test_images_go_through_the_network_within_the_memory_bound(monkeypatch):
    seen = []

    def embed(self, pictures):
        seen.append(len(pictures))
        return original(self, pictures)

    original = DINOv2.embed
    monkeypatch.setattr(DINOv2, "embed", embed)
    pictures = [render_picture(112, 112, seed=seed) for seed in range(3)]
    together = tiny().extract(pictures)
    assert seen == [3]
    monkeypatch.setattr(base, "fitting", lambda item, device: 2)
    bounded = tiny().extract(pictures)
    assert seen == [3, 2, 1]
    for one, other in zip(together, bounded, strict=True):
        assert np.allclose(
            one["dinov2/token"]["features"], other["dinov2/token"]["features"], atol=1e-5
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "size must be a multiple of 14"),
        ({"stride": 5}, "stride must divide the patch's side 14, not 5"),
        ({"stride": 28}, "stride must be an integer from 1 to 14"),
        ({"layer": 3}, "layer must be an integer from 0 to 2"),
        ({"layer": -1}, "layer must be an integer from 0 to 2"),
        ({"facet": "queries"}, "facet must be one of token, key, query, value"),
        ({"facet": "key", "norm": True}, "norm applies to the token, not to the key"),
        ({"norm": "yes"}, "norm must be one of False, True"),
        ({"dtype": "float8"}, "dtype must be one of"),
        ({"device": "tpu"}, "unknown device"),
    ],
)
def test_bad_options_are_refused_where_they_are_given(options, message):
    with pytest.raises(OptionError, match=message):
        tiny(**options)


def test_a_model_with_registers_is_one_whether_or_not_its_config_counts_them(tmp_path):
    folder = copy(DINOV2_REGISTERS, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    del config["num_register_tokens"]
    (folder / "config.json").write_text(json.dumps(config))
    expected, result = (tiny(one).extract([IMAGES[0]])[0] for one in (DINOV2_REGISTERS, folder))
    for group in expected.subtree:
        if "features" in group:
            assert result[group.path]["features"].equals(group["features"])


def test_weights_of_another_config_are_refused(tmp_path):
    folder = copy(DINOV2, tmp_path)
    edit(folder / "config.json", num_hidden_layers=4)
    with pytest.raises(
        WeightsNotFoundError, match=r"model\.safetensors: lacks .* of the .*layer\.3"
    ):
        tiny(folder).extract(IMAGES)
    edit(folder / "config.json", num_hidden_layers=3, hidden_size=48)
    with pytest.raises(WeightsNotFoundError, match=r"model\.safetensors: .* has the shape"):
        tiny(folder).extract(IMAGES)
