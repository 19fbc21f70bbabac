import json

import numpy as np
import pytest
import torch
from descr.descriptors import combine
from descr.descriptors.errors import IncomparableFeaturesError, OptionError, WeightsNotFoundError
from descr.descriptors.features.tree import tree_layers
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.models.diffusion.unet import decoder_states
from descr.descriptors.testing import render_picture
from safetensors.torch import load_file, save_file
from support.models import IMAGES, STABLE_DIFFUSION, copy, edit
from support.reference import reference

ARRAYS = {f"decoder_{k}": f"decoder_block{k}" for k in (2, 5, 8, 11)} | {
    f"up_{i}": f"dift_up{i}" for i in range(4)
}
PROMPT = "a photo of a cat"


def tiny(**options) -> StableDiffusion:
    given = {
        "model": str(STABLE_DIFFUSION),
        "size": 128,
        "device": "cpu",
        "dtype": "float32",
        **options,
    }
    return StableDiffusion(**given)


def features(tree, layer):
    return tree[f"stable_diffusion/{layer}"]["features"].values


def test_prompt_and_latents_are_those_of_the_original():
    describe = tiny(prompt=PROMPT)
    with torch.inference_mode():
        latents = describe.latents(torch.from_numpy(reference("pixels"))).numpy()
    assert np.abs(latents - reference("latent")).max() < 1e-4
    states = describe.conditioning.states.numpy()
    assert np.abs(states - reference("prompt_embedding")).max() < 1e-4
    empty = tiny().conditioning.states.numpy()
    assert np.abs(empty - reference("empty_prompt_embedding")).max() < 1e-4


def test_a_text_encoder_may_have_the_names_of_the_published_files(tmp_path):
    # Those in this repository are as transformers 5 writes them, without "text_model".
    folder = copy(STABLE_DIFFUSION, tmp_path)
    path = folder / "text_encoder" / "model.safetensors"
    weights = {f"text_model.{name}": weight for name, weight in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    published = tiny(model=str(folder), prompt=PROMPT).conditioning.states
    assert torch.equal(published, tiny(prompt=PROMPT).conditioning.states)


@pytest.mark.parametrize("timestep", [0, 100, 261])
def test_decoder_states_are_those_of_the_original(timestep):
    describe = tiny(timestep=timestep, layers=list(ARRAYS), prompt=PROMPT, noise=reference("noise"))
    latents = torch.from_numpy(reference("latent"))
    with torch.inference_mode():
        noisy = describe.noisy(latents, range(2))
        states = decoder_states(
            describe.unet, noisy, timestep, describe.conditioning, describe.places, (128, 128)
        )
    assert np.abs(noisy.numpy() - reference(f"noisy_latent_t{timestep}")).max() < 1e-4
    assert set(states) == set(ARRAYS)
    for layer, name in ARRAYS.items():
        expected = reference(f"{name}_t{timestep}")
        assert states[layer].shape == expected.shape
        assert np.abs(states[layer].numpy() - expected).max() < 1e-4, layer


@pytest.mark.parametrize("timestep", [0, 100, 261])
def test_extraction_from_images_gives_the_features_of_the_original(timestep):
    # up_3 and decoder_11 are left to the test above: a group of one of their norms varies so
    # little that an error of 1e-6 in the latent, where float32 ends, becomes one of 1e-4.
    layers = [name for name in ARRAYS if name not in ("decoder_11", "up_3")]
    describe = tiny(timestep=timestep, layers=layers, prompt=PROMPT, noise=reference("noise"))
    trees = describe.extract(IMAGES)
    for index, tree in enumerate(trees):
        assert list(tree_layers(tree)) == [f"stable_diffusion/{name}" for name in layers]
        for layer in layers:
            expected = reference(f"{ARRAYS[layer]}_t{timestep}")[index]
            assert np.abs(features(tree, layer) - expected).max() < 1e-4, layer


def test_defaults_are_those_of_the_paper():
    describe = StableDiffusion(model=str(STABLE_DIFFUSION), device="cpu")
    assert (describe.size, describe.fit, describe.timestep) == (960, "pad", 100)
    assert [layer.name for layer in describe.layers] == ["decoder_2", "decoder_5", "decoder_8"]
    assert [layer.count(960) for layer in describe.layers] == [15, 30, 60]
    assert [layer.components for layer in describe.layers] == [256, 256, 256]
    assert (describe.prompt, describe.ensemble, describe.seed) == ("", 1, 42)
    assert (describe.window, describe.noise, describe.latent) == (512, "resized", "mean")
    assert (describe.captioner, describe.free_u) == (None, None)


def test_layers_come_in_the_order_asked_for():
    tree = tiny(layers=("up_1", "decoder_2"), components=None).extract(IMAGES[:1])[0]
    assert list(tree_layers(tree)) == ["stable_diffusion/up_1", "stable_diffusion/decoder_2"]
    assert "components" not in tree["stable_diffusion/up_1"].attrs
    assert list(tree_layers(tiny(layers="up_0").extract(IMAGES[:1])[0])) == [
        "stable_diffusion/up_0"
    ]


def test_what_comes_after_the_last_layer_is_not_loaded():
    describe = tiny(layers=("decoder_5", "decoder_2"))
    assert len(describe.unet.up_blocks) == 2
    assert len(describe.unet.up_blocks[1].resnets) == 2
    assert len(describe.unet.up_blocks[1].attentions) == 2
    assert describe.unet.up_blocks[1].upsamplers is None
    assert describe.unet.conv_out is None
    assert describe.vae.decoder is None
    names = [name for name, _ in describe.vae.named_parameters()]
    assert names
    assert not any(name.startswith(("decoder", "post_quant")) for name in names)


def test_layers_do_not_depend_on_which_others_are_asked_for():
    alone = tiny(layers="decoder_5").extract(IMAGES[:1])[0]
    among = tiny(layers=("decoder_2", "decoder_5", "up_3")).extract(IMAGES[:1])[0]
    assert np.allclose(features(alone, "decoder_5"), features(among, "decoder_5"), atol=1e-4)


def test_noise_is_that_of_the_image_alone():
    pictures = [render_picture(128, 128, seed=seed) for seed in range(3)]
    together = tiny(ensemble=2).extract(pictures)
    for picture, tree in zip(pictures, together, strict=True):
        alone = tiny(ensemble=2).extract([picture])[0]
        for path, layer in tree_layers(tree).items():
            assert np.allclose(layer["features"], alone[path]["features"], atol=1e-4)


def test_an_ensemble_is_the_mean_over_its_samples_of_noise():
    noise = np.random.default_rng(0).standard_normal((2, 3, 4, 16, 16)).astype(np.float32)
    trees = tiny(ensemble=3, noise=noise).extract(IMAGES)
    members = [tiny(noise=noise[:, member]).extract(IMAGES) for member in range(3)]
    for index, tree in enumerate(trees):
        for path in tree_layers(tree):
            mean = np.mean([one[index][path]["features"].values for one in members], axis=0)
            assert np.allclose(tree[path]["features"], mean, atol=1e-4)


def test_images_and_members_go_through_the_networks_within_the_memory_bound(monkeypatch):
    from descr.descriptors.models.diffusion import stable_diffusion as descriptor
    from descr.descriptors.models.diffusion import windows

    seen = []

    def decoder_states(unet, latents, *arguments):
        seen.append(len(latents))
        return original(unet, latents, *arguments)

    original = descriptor.decoder_states
    monkeypatch.setattr(descriptor, "decoder_states", decoder_states)
    together = tiny(ensemble=3).extract(IMAGES)
    assert seen == [6]
    monkeypatch.setattr(windows, "fitting", lambda item, device: 4)
    bounded = tiny(ensemble=3).extract(IMAGES)
    assert seen == [6, 4, 2]
    for one, other in zip(together, bounded, strict=True):
        for path, layer in tree_layers(one).items():
            assert np.allclose(layer["features"], other[path]["features"], atol=1e-4)


def test_the_prompt_is_encoded_once_and_steers_the_features(monkeypatch):
    from descr.descriptors.models.diffusion import stable_diffusion as descriptor

    seen = []

    def encode_prompt(checkpoint, prompt):
        seen.append(prompt)
        return original(checkpoint, prompt)

    original = descriptor.encode_prompt
    monkeypatch.setattr(descriptor, "encode_prompt", encode_prompt)
    describe = tiny(prompt=PROMPT)
    first, again = (describe.extract(IMAGES[:1])[0] for _ in range(2))
    assert seen == [PROMPT]
    assert np.array_equal(features(first, "decoder_5"), features(again, "decoder_5"))
    other = tiny(prompt="a photo of a dog").extract(IMAGES[:1])[0]
    assert np.abs(features(first, "decoder_5") - features(other, "decoder_5")).max() > 0.1


def test_what_the_model_was_trained_to_predict_makes_no_difference(tmp_path):
    folder = copy(STABLE_DIFFUSION, tmp_path)
    edit(folder / "scheduler" / "scheduler_config.json", prediction_type="v_prediction")
    plain, velocity = (
        tiny(**given).extract(IMAGES[:1])[0] for given in ({}, {"model": str(folder)})
    )
    assert np.array_equal(features(plain, "decoder_5"), features(velocity, "decoder_5"))


def test_settings_tell_features_apart_and_do_not_hold_the_noise():
    arrays = [np.full((2, 4, 16, 16), value, np.float32) for value in (0.0, 1.0)]
    described = [tiny(noise=array) for array in arrays]
    trees = [describe.extract(IMAGES)[0] for describe in described]
    settings = json.loads(trees[0]["stable_diffusion/decoder_2"].attrs["settings"])
    assert settings["noise"].startswith("sha256:")
    assert settings["layers"] == ["decoder_2", "decoder_5", "decoder_8"]
    assert settings["noise"] in repr(described[0])
    with pytest.raises(IncomparableFeaturesError, match="noise"):
        combine(trees)


def test_attention_under_the_names_of_the_first_releases_is_read(tmp_path):
    folder = copy(STABLE_DIFFUSION, tmp_path)
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = {}
    for name, weight in load_file(path).items():
        for new, before in old.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{before}.")
        weights[name] = weight
    assert sum(".proj_attn." in name for name in weights) == 4
    save_file(weights, path)
    new, legacy = (tiny(**given).extract(IMAGES[:1])[0] for given in ({}, {"model": str(folder)}))
    assert np.array_equal(features(new, "decoder_5"), features(legacy, "decoder_5"))


@pytest.mark.usefixtures("half_precision")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_half_precision_files_are_read(tmp_path, dtype):
    folder = copy(STABLE_DIFFUSION, tmp_path)
    for path in folder.rglob("*.safetensors"):
        half = {name: weight.half() for name, weight in load_file(path).items()}
        save_file(half, path.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
        path.unlink()
    full = tiny().extract(IMAGES[:1])[0]
    half = tiny(model=str(folder), dtype=dtype).extract(IMAGES[:1])[0]
    correlation = np.corrcoef(
        features(full, "decoder_5").ravel(), features(half, "decoder_5").ravel()
    )[0, 1]
    assert correlation > 0.99


@pytest.mark.usefixtures("half_precision")
def test_the_encoder_runs_in_float32_where_it_would_overflow(tmp_path):
    assert tiny(dtype="float16").vae.dtype == torch.float32
    assert tiny(dtype="float16").unet.dtype == torch.float16
    assert tiny(dtype="bfloat16").vae.dtype == torch.bfloat16
    folder = copy(STABLE_DIFFUSION, tmp_path)
    edit(folder / "vae" / "config.json", force_upcast=False)
    assert tiny(model=str(folder), dtype="float16").vae.dtype == torch.float16


@pytest.mark.usefixtures("half_precision")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_gives_nearly_the_same_features(dtype):
    full, low = (tiny(dtype=name).extract(IMAGES[:1])[0] for name in ("float32", dtype))
    for layer in ("decoder_2", "decoder_5", "decoder_8"):
        correlation = np.corrcoef(features(full, layer).ravel(), features(low, layer).ravel())
        assert correlation[0, 1] > 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "size must be a multiple of 64"),
        ({"timestep": 1000}, "timestep must be an integer from 0 to 999"),
        ({"layers": ["decoder_12"]}, "unknown layer of the model: 'decoder_12'.*decoder_11.*up_3"),
        ({"layers": []}, "layers must be one or more of decoder_1"),
        ({"layers": ["up_1", "up_1"]}, "layers holds 'up_1' twice"),
        ({"prompt": 3}, "prompt must be text, not 3"),
        ({"ensemble": 0}, "ensemble must be an integer from 1 to 1000"),
        ({"seed": -1}, "seed must be an integer"),
        ({"noise": "white"}, "noise must be one of gaussian, resized"),
        ({"noise": np.zeros((4, 16, 16))}, r"noise must be .*, not shape \(4, 16, 16\)"),
        ({"components": 0}, "components must be an integer of at least 1"),
    ],
)
def test_bad_options_are_refused_where_they_are_given(options, message):
    with pytest.raises(OptionError, match=message):
        tiny(**options)


def test_noise_for_other_images_is_refused():
    with pytest.raises(OptionError, match="noise is for 3 images, not for 2"):
        tiny(noise=np.zeros((3, 4, 16, 16))).extract(IMAGES)
    with pytest.raises(OptionError, match=r"noise has .* = \(4, 8, 8\).*\(4, 16, 16\)"):
        tiny(noise=np.zeros((2, 4, 8, 8))).extract(IMAGES)


@pytest.mark.parametrize(
    "changes",
    [
        {"in_channels": 9},
        {"class_embed_type": "timestep"},
        {"addition_embed_type": "image"},
        {"up_block_types": ["SimpleCrossAttnUpBlock2D"] * 4},
    ],
)
def test_denoisers_of_another_kind_are_refused(tmp_path, changes):
    folder = copy(STABLE_DIFFUSION, tmp_path)
    edit(folder / "unet" / "config.json", **changes)
    with pytest.raises(WeightsNotFoundError, match=r"text-to-image model.* no inpainting"):
        tiny(model=str(folder))


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_part_without_all_its_weights_is_named(tmp_path, part):
    folder = copy(STABLE_DIFFUSION, tmp_path)
    (path,) = (folder / part).glob("*.safetensors")
    weights = load_file(path)
    name = next(name for name in weights if "norm" in name and name.startswith(("down", "enc")))
    del weights[name]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(WeightsNotFoundError, match=rf"{part}.*{path.name}: lacks 1 .*norm"):
        tiny(model=str(folder)).extract(IMAGES[:1])


def test_a_prompt_that_is_too_long_is_refused():
    with pytest.raises(OptionError, match=r"prompt has \d+ tokens, of which the model takes 77"):
        tiny(prompt="a very long prompt " * 20).extract(IMAGES[:1])


def test_a_short_canvas_may_hold_half_cells_at_levels_that_are_not_read():
    # As on DAVIS, where 480 pixels are 7.5 cells of the coarsest level.
    from diffusers import UNet2DConditionModel

    describe = tiny(size=96, fit="short", window=None, layers=("up_1", "up_2"))
    assert describe.multiple == 16
    tree = describe.extract([render_picture(96, 171, seed=0)])[0]
    assert features(tree, "up_1").shape[1:] == (6, 10)
    assert features(tree, "up_2").shape[1:] == (12, 20)
    unet = UNet2DConditionModel.from_pretrained(STABLE_DIFFUSION, subfolder="unet").eval()
    outputs = {}
    for index in (1, 2):
        unet.up_blocks[index].register_forward_hook(
            lambda _, __, output, name=f"up_{index}": outputs.update({name: output})
        )
    latents = torch.randn(1, 4, 12, 20, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        unet(latents, 100, describe.conditioning.states)
        states = decoder_states(
            describe.unet, latents, 100, describe.conditioning, describe.places, (96, 160)
        )
    for name, state in states.items():
        assert (state - outputs[name]).abs().max() < 1e-4
    with pytest.raises(OptionError, match="size must be a multiple of 32"):
        tiny(size=80, fit="short", window=None, layers="decoder_5")


@pytest.mark.parametrize("variant", ["float16", "float32"])
def test_the_variant_of_the_weights_is_chosen_and_recorded(tmp_path, variant):
    folder = copy(STABLE_DIFFUSION, tmp_path)
    for path in folder.rglob("*.safetensors"):
        half = {name: weight.half() for name, weight in load_file(path).items()}
        save_file(half, path.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
    describe = tiny(model=str(folder), variant=variant, resampling="direct")
    attributes = describe.extract(IMAGES[:1])[0]["stable_diffusion/decoder_5"].attrs
    assert attributes["weights_variant"] == describe.weights_variant == variant
    assert attributes["resampling"] == "direct"
    assert not {"variant", "resampling"} & set(json.loads(attributes["settings"]))
    half = {key: value.half().float() for key, value in tiny().unet.state_dict().items()}
    same = all(torch.equal(half[key], value) for key, value in describe.unet.state_dict().items())
    assert same == (variant == "float16")
    with pytest.raises(OptionError, match="variant must be one of"):
        tiny(variant="half")
