import json

import numpy as np
import pytest
import torch
from descr.descriptors import combine
from descr.descriptors.errors import IncomparableFeaturesError, OptionError, WeightsNotFoundError
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.testing import render_picture
from safetensors.torch import load_file, save_file
from support.models import CAPTIONER, IMAGES, STABLE_DIFFUSION, copy, edit, make_xl
from support.reference import windowed

LAYERS = ("decoder_2", "decoder_5", "decoder_8", "decoder_11")


def tiny(**options) -> StableDiffusion:
    settings = {
        "model": str(STABLE_DIFFUSION),
        "size": 192,
        "window": 128,
        "captioner": str(CAPTIONER),
        "layers": LAYERS,
        "device": "cpu",
        "dtype": "float32",
    }
    return StableDiffusion(**{**settings, **options})


@torch.no_grad()
def states(describe, pixels):
    return describe.forward(torch.from_numpy(pixels))


@pytest.mark.parametrize("canvas", ["square", "wide"])
def test_features_with_the_captioner_are_those_of_the_original(canvas):
    result = states(tiny(noise=windowed("noise")), windowed(f"pixels_{canvas}"))
    for name, state in result.items():
        expected = windowed(f"{canvas}_captioned_{name.replace('_', '_block')}")
        assert state.shape == expected.shape
        assert np.abs(state.numpy() - expected).max() < 1e-4, name


def test_with_a_prompt_the_captioner_shifts_the_timestep_alone():
    describe = tiny(prompt="a photo of a cat")
    pixels = torch.from_numpy(windowed("pixels_square"))
    with torch.no_grad():
        text = describe.conditioning
        prompted = describe.image_captioner(pixels, text, prompted=True)
        silent = describe.image_captioner(pixels, text, prompted=False)
    assert torch.equal(prompted.states, text.states)
    assert prompted.time_shift.shape == (2, 32)
    assert torch.equal(prompted.time_shift, silent.time_shift)
    assert silent.states.shape == (2, *text.states.shape[1:])
    plain = states(tiny(prompt="a photo of a cat", captioner=None), windowed("pixels_square"))
    shifted = states(describe, windowed("pixels_square"))
    assert not np.allclose(plain["decoder_5"], shifted["decoder_5"], atol=1e-2)


def test_each_window_of_each_image_is_seen_on_its_own():
    pictures = [render_picture(192, 192, seed=seed) for seed in range(2)]
    together = tiny(layers="decoder_5", ensemble=2).extract(pictures)
    for picture, tree in zip(pictures, together, strict=True):
        alone = tiny(layers="decoder_5", ensemble=2).extract([picture])[0]
        path = "stable_diffusion/decoder_5"
        assert np.allclose(tree[path]["features"], alone[path]["features"], atol=1e-4)


def test_the_embedding_is_that_of_transformers_on_the_centre():
    from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

    picture = render_picture(96, 128, seed=0)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}
    )
    encoder = CLIPVisionModelWithProjection.from_pretrained(CAPTIONER / "image_encoder").eval()
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        expected = encoder(**processor(picture, return_tensors="pt")).image_embeds
        result = tiny().image_captioner.embed(pixels)
        sharp = tiny(captioner_antialias=False).image_captioner.embed(pixels)
    # Pillow rounds to whole grey values between the two sides.
    assert (result - expected).abs().max() < 0.05 * expected.abs().max()
    assert (sharp - expected).abs().max() > 2 * (result - expected).abs().max()


def test_the_captioner_is_part_of_what_features_are(tmp_path):
    with_it, without = (
        tiny(captioner=captioner).extract(IMAGES)[0] for captioner in (str(CAPTIONER), None)
    )
    attributes = with_it["stable_diffusion/decoder_2"].attrs
    assert json.loads(attributes["settings"])["captioner"] == "local"
    assert attributes["revision"].count("local-") == 2
    with pytest.raises(IncomparableFeaturesError, match="captioner"):
        combine([with_it, without])
    other = copy(CAPTIONER, tmp_path)
    path = other / "captioner.safetensors"
    save_file({name: 2 * tensor for name, tensor in load_file(path).items()}, path)
    with pytest.raises(IncomparableFeaturesError, match="revision"):
        combine([with_it, tiny(captioner=str(other)).extract(IMAGES)[0]])


def test_how_a_captioner_sees_counts_only_where_there_is_one():
    smooth, sharp = (
        tiny(captioner=None, captioner_antialias=antialias).extract(IMAGES[:1])[0]
        for antialias in (True, False)
    )
    combine([smooth, sharp])
    with pytest.raises(IncomparableFeaturesError, match="captioner_antialias"):
        combine([tiny(captioner_antialias=one).extract(IMAGES[:1])[0] for one in (True, False)])


def test_gradients_pass_a_captioner_that_was_made_and_used_in_inference_mode():
    with torch.inference_mode():
        describe = tiny(layers="decoder_5", size=128)
        describe.forward(torch.rand(1, 3, 128, 128))
    pixels = torch.rand(1, 3, 128, 128, requires_grad=True)
    describe.forward(pixels)["decoder_5"].sum().backward()
    assert pixels.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"captioner": 3}, "captioner must be a name or the path of a folder, not 3"),
        ({"captioner": ""}, "captioner must be"),
        ({"captioner_antialias": "maybe"}, "captioner_antialias must be one of True, False"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        tiny(**options)


def test_a_copy_of_a_captioner_gives_the_same_features(tmp_path):
    other = copy(CAPTIONER, tmp_path)
    combine([tiny(captioner=str(one)).extract(IMAGES[:1])[0] for one in (CAPTIONER, other)])


def test_a_captioner_of_another_model_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"captioner .* is of another U-Net"):
        tiny(model=str(make_xl(tmp_path)), layers="decoder_5")


def test_a_folder_that_is_no_captioner_is_refused(tmp_path):
    with pytest.raises(WeightsNotFoundError, match="captioner"):
        tiny(captioner=str(STABLE_DIFFUSION))
    other = copy(CAPTIONER, tmp_path)
    edit(other / "image_encoder" / "config.json", projection_dim=20)
    with pytest.raises(WeightsNotFoundError, match="image_encoder"):
        tiny(captioner=str(other)).extract(IMAGES[:1])


@pytest.mark.usefixtures("half_precision")
def test_it_computes_in_float32_whatever_the_networks_compute_in():
    describe = tiny(dtype="bfloat16", layers="decoder_5")
    full, low = (one.extract(IMAGES[:1])[0] for one in (tiny(layers="decoder_5"), describe))
    assert describe.image_captioner.image_encoder.dtype == torch.float32
    values = [tree["stable_diffusion/decoder_5"]["features"].values.ravel() for tree in (full, low)]
    assert np.corrcoef(*values)[0, 1] > 0.99
