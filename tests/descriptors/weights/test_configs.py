import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from descr.descriptors.errors import WeightsNotFoundError
from descr.descriptors.runtime.loading import empty_module
from descr.descriptors.weights.configs import read_config
from support.models import CAPTIONER, DINOV2, DINOV2_REGISTERS, STABLE_DIFFUSION

TINY = {
    DINOV2 / "config.json": "Dinov2Model",
    DINOV2_REGISTERS / "config.json": "Dinov2Model",
    CAPTIONER / "image_encoder" / "config.json": "CLIPVisionModelWithProjection",
    STABLE_DIFFUSION / "text_encoder" / "config.json": "CLIPTextModel",
    STABLE_DIFFUSION / "unet" / "config.json": "UNet2DConditionModel",
    STABLE_DIFFUSION / "vae" / "config.json": "AutoencoderKL",
    STABLE_DIFFUSION / "scheduler" / "scheduler_config.json": "DDPMScheduler",
}
NAMES = {kind: path for path, kind in TINY.items()}


def dinov2(width: int, depth: int, heads: int, **others: Any) -> dict[str, Any]:
    return {
        "model_type": "dinov2",
        "apply_layernorm": True,
        "architectures": ["Dinov2Model"],
        "attention_probs_dropout_prob": 0.0,
        "drop_path_rate": 0.0,
        "hidden_act": "gelu",
        "hidden_size": width,
        "image_size": 518,
        "layer_norm_eps": 1e-06,
        "layerscale_value": 1.0,
        "mlp_ratio": 4,
        "num_attention_heads": heads,
        "num_channels": 3,
        "num_hidden_layers": depth,
        "out_features": [f"stage{depth}"],
        "out_indices": [depth],
        "patch_size": 14,
        "qkv_bias": True,
        "stage_names": ["stem", *(f"stage{n + 1}" for n in range(depth))],
        "torch_dtype": "float32",
        "use_swiglu_ffn": width == 1536,
        **others,
    }


def unet(width: int, heads: Any, **others: Any) -> dict[str, Any]:
    return {
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": "0.6.0",
        "act_fn": "silu",
        "attention_head_dim": heads,
        "block_out_channels": [320, 640, 1280, 1280],
        "center_input_sample": False,
        "cross_attention_dim": width,
        "down_block_types": [*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"],
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 4,
        "layers_per_block": 2,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-05,
        "norm_num_groups": 32,
        "out_channels": 4,
        "sample_size": 64,
        "up_block_types": ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3],
        **others,
    }


SECOND = {
    "dual_cross_attention": False,
    "num_class_embeds": None,
    "only_cross_attention": False,
    "use_linear_projection": True,
}
XL = {
    **SECOND,
    "addition_embed_type": "text_time",
    "addition_embed_type_num_heads": 64,
    "addition_time_embed_dim": 256,
    "block_out_channels": [320, 640, 1280],
    "class_embed_type": None,
    "class_embeddings_concat": False,
    "conv_in_kernel": 3,
    "cross_attention_norm": None,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "encoder_hid_dim": None,
    "mid_block_only_cross_attention": None,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "num_attention_heads": None,
    "projection_class_embeddings_input_dim": 2816,
    "resnet_out_scale_factor": 1.0,
    "resnet_skip_time_act": False,
    "resnet_time_scale_shift": "default",
    "sample_size": 128,
    "time_cond_proj_dim": None,
    "time_embedding_type": "positional",
    "transformer_layers_per_block": [1, 2, 10],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "upcast_attention": None,
}
VAE = {
    "_class_name": "AutoencoderKL",
    "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 512,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
BETAS = {"beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085}


def text(width: int, depth: int, heads: int, act: str, **others: Any) -> dict[str, Any]:
    return {
        "architectures": ["CLIPTextModel"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "dropout": 0.0,
        "eos_token_id": 2,
        "hidden_act": act,
        "hidden_size": width,
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": 4 * width,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": 77,
        "model_type": "clip_text_model",
        "num_attention_heads": heads,
        "num_hidden_layers": depth,
        "pad_token_id": 1,
        "torch_dtype": "float16",
        "vocab_size": 49408,
        **others,
    }


VISION = {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 24}
VISION |= {"intermediate_size": 4096, "image_size": 336, "patch_size": 14, "projection_dim": 768}
CLIPSEG = {
    "decoder_attention_dropout": 0.0,
    "decoder_hidden_act": "quick_gelu",
    "decoder_intermediate_size": 2048,
    "decoder_num_attention_heads": 4,
    "extract_layers": [3, 6, 9],
    "logit_scale_init_value": 2.6592,
    "model_type": "clipseg",
    "projection_dim": 512,
    "reduce_dim": 64,
    "text_config": {"bos_token_id": 0, "eos_token_id": 2, "hidden_size": 512},
    "text_config_dict": None,
    "use_complex_transposed_convolution": True,
    "vision_config": {"hidden_size": 768, "patch_size": 16, "dropout": 0.0},
    "vision_config_dict": None,
}
PUBLISHED = {
    **{
        f"dinov2-{letter}{len(others)}": ("Dinov2Model", dinov2(*sizes, **others))
        for letter, sizes in {
            "small": (384, 12, 6),
            "base": (768, 12, 12),
            "large": (1024, 24, 16),
            "giant": (1536, 40, 24),
        }.items()
        for others in ({}, {"num_register_tokens": 4, "model_type": "dinov2_with_registers"})
    },
    "sd-1.5": ("UNet2DConditionModel", unet(768, 8)),
    "sd-2.0": ("UNet2DConditionModel", unet(1024, [5, 10, 20, 20], **SECOND)),
    "sd-2.1": (
        "UNet2DConditionModel",
        unet(1024, [5, 10, 20, 20], **SECOND, sample_size=96, upcast_attention=True),
    ),
    "sdxl": ("UNet2DConditionModel", unet(2048, [5, 10, 20], **{**XL, "_name_or_path": "x"})),
    "vae": ("AutoencoderKL", VAE),
    "sdxl-vae": (
        "AutoencoderKL",
        {**VAE, "force_upcast": True, "latents_mean": None, "scaling_factor": 0.13025},
    ),
    "pndm": ("DDPMScheduler", {**BETAS, "skip_prk_steps": True, "trained_betas": None}),
    "euler": (
        "DDPMScheduler",
        {**BETAS, "interpolation_type": "linear", "timestep_spacing": "trailing"}
        | {"num_train_timesteps": 1000, "prediction_type": "v_prediction", "steps_offset": 1},
    ),
    "dpm": ("DDPMScheduler", {**BETAS, "lambda_min_clipped": float("-inf"), "solver_order": 2}),
    "clip-l": ("CLIPTextModel", text(768, 12, 12, "quick_gelu", projection_dim=768)),
    "open-clip-h": ("CLIPTextModel", text(1024, 23, 16, "gelu", projection_dim=512)),
    "open-clip-g": (
        "CLIPTextModelWithProjection",
        text(1280, 32, 20, "gelu", projection_dim=1280),
    ),
    "clip-vision": ("CLIPVisionModelWithProjection", VISION),
    "clip": (
        "CLIPVisionModelWithProjection",
        {"model_type": "clip", "projection_dim": 768, "text_config": {}, "vision_config": VISION},
    ),
    "clipseg": ("CLIPSegForImageSegmentation", CLIPSEG),
}


def write(folder: Path, values: Any) -> Path:
    path = folder / "config.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_configs_of_published_models_are_those_of_networks(name: str, tmp_path: Path) -> None:
    kind, values = PUBLISHED[name]
    config = read_config(write(tmp_path, values), kind)
    flat = {key: value for key, value in config.items() if not isinstance(value, dict)}
    assert flat
    assert all(values[key] == flat[key] for key in flat)
    if kind != "DDPMScheduler" and name != "clip":
        module = empty_module(kind, config, tmp_path)
        assert next(module.parameters()).is_meta
        registered = module.config
        for key, value in flat.items():
            if not key.startswith("_") and "config" not in key:
                got = getattr(registered, key)
                assert (list(got) if isinstance(got, tuple) else got) == value


@pytest.mark.parametrize(("path", "kind"), TINY.items(), ids=TINY.values())
def test_only_known_keys_reach_a_library(path: Path, kind: str, tmp_path: Path) -> None:
    values = json.loads(path.read_text())
    code = {
        "attn_implementation": "owner/kernel",
        "_attn_implementation": "owner/kernel",
        "_attn_implementation_internal": "owner/kernel",
        "auto_map": {"AutoModel": "code.Model"},
        "trust_remote_code": True,
        "_commit_hash": "a" * 40,
        "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True},
        "use_kernels": True,
        "custom_pipeline": "owner/pipeline",
        "per_layer_config": {"0": {"hidden_size": 3}},
        "dtype": "no_such_thing",
        "_use_default_values": ["cross_attention_dim"],
        "return_dict": False,
    }
    config = read_config(write(tmp_path, {**values, **code}), kind)
    assert config == read_config(path, kind)
    assert not set(config) & set(code)


@pytest.mark.parametrize("place", ["", "vision_config"])
def test_attention_is_never_named_by_a_config(place: str, tmp_path: Path) -> None:
    named = {"attn_implementation": "owner/kernel", "_attn_implementation": "owner/kernel"}
    values = {**CLIPSEG, **named}
    values = {**values, place: {**VISION, "patch_size": 16, **named}} if place else values
    config = read_config(write(tmp_path, values), "CLIPSegForImageSegmentation")
    model = empty_module("CLIPSegForImageSegmentation", config, tmp_path)
    used = {
        module.config._attn_implementation for module in model.modules() if "config" in vars(module)
    }
    assert used == {"sdpa"}


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("Dinov2Model", "num_hidden_layers", 10**6),
        ("Dinov2Model", "num_hidden_layers", 0),
        ("Dinov2Model", "num_hidden_layers", True),
        ("Dinov2Model", "patch_size", None),
        ("Dinov2Model", "patch_size", "14"),
        ("Dinov2Model", "patch_size", 14.0),
        ("Dinov2Model", "patch_size", 71),
        ("Dinov2Model", "hidden_size", 10**9),
        ("Dinov2Model", "hidden_size", -24),
        ("Dinov2Model", "num_channels", 4),
        ("Dinov2Model", "layer_norm_eps", float("nan")),
        ("Dinov2Model", "layer_norm_eps", float("inf")),
        ("Dinov2Model", "hidden_act", "\x1b[31m" * 1000),
        ("Dinov2Model", "num_register_tokens", [4]),
        ("Dinov2Model", "image_size", 8192),
        ("CLIPTextModel", "vocab_size", 10**30),
        ("CLIPTextModel", "eos_token_id", None),
        ("CLIPTextModel", "max_position_embeddings", 10**9),
        ("CLIPVisionModelWithProjection", "image_size", [28, 28]),
        ("CLIPVisionModelWithProjection", "vision_config", 3),
        ("UNet2DConditionModel", "_class_name", "AutoencoderKL"),
        ("UNet2DConditionModel", "block_out_channels", [8, 16, 32]),
        ("UNet2DConditionModel", "block_out_channels", []),
        ("UNet2DConditionModel", "block_out_channels", [8] * 10**5),
        ("UNet2DConditionModel", "up_block_types", ["AttnUpBlock2D"] * 4),
        ("UNet2DConditionModel", "cross_attention_dim", None),
        ("UNet2DConditionModel", "layers_per_block", 10**5),
        ("UNet2DConditionModel", "layers_per_block", 16),
        ("UNet2DConditionModel", "transformer_layers_per_block", 64),
        ("UNet2DConditionModel", "sample_size", 1024),
        ("UNet2DConditionModel", "only_cross_attention", "yes"),
        ("UNet2DConditionModel", "freq_shift", 4),
        ("UNet2DConditionModel", "time_embedding_type", "fourier"),
        ("AutoencoderKL", "scaling_factor", 0),
        ("AutoencoderKL", "in_channels", 4),
        ("AutoencoderKL", "latents_mean", [0.1] * 4),
        ("AutoencoderKL", "down_block_types", ["DownBlock2D"] * 4),
        ("DDPMScheduler", "num_train_timesteps", 10**10),
        ("DDPMScheduler", "beta_schedule", "none"),
        ("DDPMScheduler", "beta_start", "0.1"),
    ],
)
def test_what_no_network_has_is_refused_by_file_key_and_value(
    kind: str, key: str, value: Any, tmp_path: Path
) -> None:
    values = json.loads(NAMES[kind].read_text())
    path = write(tmp_path, {**values, key: value})
    with pytest.raises(WeightsNotFoundError) as caught:
        read_config(path, kind)
    message = caught.value.message
    assert message.startswith(f"{path}: {key} must be ")
    assert len(message) < 400
    assert message.isprintable()


@pytest.mark.parametrize("key", ["layers_per_block", "attention_head_dim", "down_block_types"])
def test_lists_have_a_value_for_each_level(key: str, tmp_path: Path) -> None:
    values = json.loads(NAMES["UNet2DConditionModel"].read_text())
    value = values[key][:1] if isinstance(values[key], list) else [values[key]]
    path = write(tmp_path, {**values, key: value})
    with pytest.raises(WeightsNotFoundError, match="block_out_channels must be as long as") as told:
        read_config(path, "UNet2DConditionModel")
    assert key in told.value.message


def test_the_widest_unet_of_a_config_is_built_in_little_memory(tmp_path: Path) -> None:
    values = {
        "_class_name": "UNet2DConditionModel",
        "block_out_channels": [16384] * 5,
        "down_block_types": ["CrossAttnDownBlock2D"] * 5,
        "up_block_types": ["CrossAttnUpBlock2D"] * 5,
        "layers_per_block": 4,
        "transformer_layers_per_block": 16,
        "cross_attention_dim": 65536,
    }
    module = empty_module(
        "UNet2DConditionModel",
        read_config(write(tmp_path, values), "UNet2DConditionModel"),
        tmp_path,
    )
    weights = module.state_dict().values()
    assert all(weight.is_meta for weight in weights)
    assert len(weights) < 30_000


@pytest.mark.parametrize("key", ["num_hidden_layers", "hidden_size", "patch_size"])
def test_what_is_needed_must_be_there(key: str, tmp_path: Path) -> None:
    values = json.loads((DINOV2 / "config.json").read_text())
    del values[key]
    with pytest.raises(WeightsNotFoundError, match=f"{key} must be .*, not null"):
        read_config(write(tmp_path, values), "Dinov2Model")


def test_sizes_that_do_not_fit_each_other_describe_no_network(tmp_path: Path) -> None:
    config = {**VISION, "num_attention_heads": 7}
    with pytest.raises(WeightsNotFoundError, match=r"describes no CLIPVisionModelWithProjection: "):
        empty_module("CLIPVisionModelWithProjection", config, tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "JSON"),
        ("[1]", "is not a JSON object"),
        ("[" * 5000 + "]" * 5000, "can't be read as JSON"),
        ('{"a":' * 100_000, "can't be read as JSON"),
        ('{"hidden_size": ' + "9" * 5000 + "}", "can't be read as JSON"),
        (" " * 10_000_001, "is larger than 10 MB"),
    ],
    ids=["cut", "list", "deep", "deeper", "digits", "large"],
)
def test_a_text_that_is_no_config_is_named(text: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(WeightsNotFoundError, match=reason) as caught:
        read_config(path, "Dinov2Model")
    assert caught.value.message.startswith(f"{path}: ")


@pytest.mark.parametrize("thing", ["folder", "pipe", "device", "bytes", "nothing", "sparse"])
def test_a_thing_that_is_no_file_is_named_at_once(thing: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    if thing == "folder":
        path.mkdir()
    elif thing == "pipe":
        os.mkfifo(path)
    elif thing == "device":
        path.symlink_to("/dev/zero")
    elif thing == "bytes":
        path.write_bytes(b'{"a": "\xff"}')
    elif thing == "sparse":
        with path.open("wb") as file:
            file.truncate(2**40)
    with pytest.raises(WeightsNotFoundError) as caught:
        read_config(path, "Dinov2Model")
    assert caught.value.message.startswith(f"{path}: ")


def test_the_last_of_equal_keys_counts(tmp_path: Path) -> None:
    values = json.dumps({"hidden_size": 24, "num_hidden_layers": 3, "patch_size": 14})
    path = write(tmp_path, values[:-1] + ', "hidden_size": 48}')
    assert read_config(path, "Dinov2Model")["hidden_size"] == 48


def test_sizes_of_a_config_take_no_memory(tmp_path: Path) -> None:
    values = {"hidden_size": 65536, "num_hidden_layers": 256, "patch_size": 14}
    config = read_config(write(tmp_path, values), "Dinov2Model")
    module = empty_module("Dinov2Model", {**config, "num_attention_heads": 64}, tmp_path)
    assert all(tensor.device == torch.device("meta") for tensor in module.state_dict().values())
