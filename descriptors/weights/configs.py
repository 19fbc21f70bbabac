"""What the configs of networks may say: only keys that are known here reach a library.

A config can name code to fetch and run, and sizes that take all memory. So each key has its kind
and its range, wide around every published model; one that isn't here is left out.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import WeightsNotFoundError
from .reading import read_json, shorten

_LEVELS = 5
_FLAG = (True, False, None)
_WIDTH = range(1, 65_537)
_BLOCKS = range(1, 5)
_LAYERS = (range(17), [range(17)])
_ACTIVATION = ("gelu", "quick_gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu")
# Names of keys, those that must be there with a `!`, to their kind: a range of whole numbers, a
# slice of numbers with both its ends, a list of one kind, a tuple of alternatives, the table of an
# object, or a value itself.
_TRANSFORMER = {
    "hidden_size intermediate_size num_attention_heads projection_dim vocab_size": _WIDTH,
    "image_size patch_size max_position_embeddings": range(1, 2049),
    "num_hidden_layers": range(1, 257),
    "num_channels": 3,
    "hidden_act": _ACTIVATION,
    "layer_norm_eps": slice(0, 1),
    "eos_token_id": range(1 << 20),
}
_CONVOLUTIONS = {
    "block_out_channels!": [range(1, 16_385)],
    "norm_num_groups out_channels": _WIDTH,
    "act_fn": ("silu", "swish", "mish", "gelu", "relu"),
}
_TABLES: Mapping[str, Mapping[str, Any]] = {
    "Dinov2Model": _TRANSFORMER
    | {
        "hidden_size! num_hidden_layers! patch_size!": _WIDTH,
        "model_type": ("dinov2", "dinov2_with_registers"),
        "mlp_ratio": range(1, 257),
        "num_register_tokens": range(1025),
        "qkv_bias use_swiglu_ffn": _FLAG,
    },
    "DINOv3ViTModel": _TRANSFORMER
    | {
        "hidden_size! intermediate_size! num_attention_heads!": _WIDTH,
        "num_hidden_layers! patch_size!": _WIDTH,
        "model_type!": "dinov3_vit",
        "num_register_tokens": range(1025),
        "rope_theta": slice(1, 1_000_000),
        "query_bias key_bias value_bias proj_bias mlp_bias use_gated_mlp": (True, False),
    },
    "CLIPTextModel": _TRANSFORMER,
    "CLIPTextModelWithProjection": _TRANSFORMER,
    "CLIPVisionModelWithProjection": _TRANSFORMER | {"vision_config": (_TRANSFORMER, None)},
    "CLIPSegForImageSegmentation": {
        "text_config vision_config": (_TRANSFORMER, None),
        "projection_dim reduce_dim decoder_intermediate_size decoder_num_attention_heads": _WIDTH,
        "decoder_hidden_act": _ACTIVATION,
        "conditional_layer": range(257),
        "extract_layers": [range(257)],
        "use_complex_transposed_convolution": _FLAG,
    },
    "UNet2DConditionModel": _CONVOLUTIONS
    | {
        "_class_name!": "UNet2DConditionModel",
        "down_block_types!": [("DownBlock2D", "CrossAttnDownBlock2D")],
        "up_block_types!": [("UpBlock2D", "CrossAttnUpBlock2D")],
        "mid_block_type": ("UNetMidBlock2DCrossAttn", "UNetMidBlock2D", None),
        "in_channels": 4,
        "cross_attention_dim!": _WIDTH,
        "layers_per_block!": (_BLOCKS, [_BLOCKS]),
        "attention_head_dim": (_WIDTH, [_WIDTH]),
        "transformer_layers_per_block": (*_LAYERS, [_LAYERS]),
        "reverse_transformer_layers_per_block": ([_LAYERS], None),
        "only_cross_attention": (*_FLAG, [_FLAG]),
        "sample_size": (range(1, 257), [range(1, 257)], None),
        "addition_embed_type": ("text_time", None),
        "addition_time_embed_dim projection_class_embeddings_input_dim": (_WIDTH, None),
        "mid_block_scale_factor resnet_out_scale_factor": slice(0.5, 2),
        "norm_eps": slice(0, 1),
        "freq_shift downsample_padding": (0, 1),
        "flip_sin_to_cos mid_block_only_cross_attention upcast_attention": _FLAG,
        "use_linear_projection": _FLAG,
        # What else a U-Net builds of these takes inputs that features of an image can't give.
        "conv_in_kernel conv_out_kernel": 3,
        "attention_type resnet_time_scale_shift": "default",
        "time_embedding_type": "positional",
        "center_input_sample class_embeddings_concat dual_cross_attention": (False, None),
        "resnet_skip_time_act class_embed_type cross_attention_norm": (False, None),
        "encoder_hid_dim encoder_hid_dim_type num_class_embeds num_attention_heads": None,
        "time_embedding_act_fn time_embedding_dim timestep_post_act": None,
    },
    "AutoencoderKL": _CONVOLUTIONS
    | {
        "_class_name!": "AutoencoderKL",
        "down_block_types!": ["DownEncoderBlock2D"],
        "up_block_types!": ["UpDecoderBlock2D"],
        "in_channels": 3,
        "latent_channels": 4,
        "latents_mean latents_std shift_factor": None,
        "layers_per_block": _BLOCKS,
        "scaling_factor": slice(0.001, 1000),
        "force_upcast use_quant_conv use_post_quant_conv mid_block_add_attention": _FLAG,
    },
    "DDPMScheduler": {
        "num_train_timesteps": range(1, 100_001),
        "trained_betas": None,
        "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"),
        "beta_start beta_end": slice(0, 1),
        "prediction_type": ("epsilon", "sample", "v_prediction"),
        "timestep_spacing": ("leading", "linspace", "trailing"),
        "steps_offset": range(1001),
        "rescale_betas_zero_snr set_alpha_to_one": _FLAG,
    },
}


def read_config(path: Path, kind: str) -> dict[str, Any]:
    """What a JSON config says to a class of this name, each value checked.

    Raises `WeightsNotFoundError`, naming the file, if it is missing or damaged, and naming key and
    value if a network of this kind can't have it.
    """
    values = read_json(path)
    try:
        config = _checked(values, _TABLES[kind], "")
        levels = config.get("block_out_channels", [])
        for key, value in config.items():
            single = not isinstance(value, list) or key in ("extract_layers", "sample_size")
            if not single and len(value) != len(levels):
                raise _wrong("block_out_channels", levels, f"as long as {key}")
        vision = config.get("vision_config") or config
        if vision.get("patch_size", 1) > vision.get("image_size", 224):
            raise _wrong("patch_size", vision["patch_size"], "at most image_size")
    except ValueError as error:
        hint = "the file is damaged, or of a model of another kind"
        if "_class_name!" in _TABLES[kind]:
            hint += "; of Stable Diffusion text-to-image models are read, no inpainting one"
        raise WeightsNotFoundError(f"{path}: {error}", hint=hint) from error
    return config


def _checked(values: Mapping[str, Any], table: Mapping[str, Any], place: str) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, kind in ((name, kind) for names, kind in table.items() for name in names.split()):
        key = name.rstrip("!")
        value: Any = values.get(key)
        if key == name and key not in values:
            continue
        if not _fits(value, kind):
            raise _wrong(place + key, value, _text(kind))
        nested = isinstance(value, dict)
        config[key] = _checked(value, kind[0], f"{place}{key}.") if nested else value
    return config


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, tuple):
        return any(_fits(value, one) for one in kind)
    if isinstance(kind, list):
        listed = isinstance(value, list) and 0 < len(value) <= _LEVELS
        return listed and all(_fits(one, kind[0]) for one in value)
    if isinstance(kind, range):
        return type(value) is int and value in kind
    if isinstance(kind, slice):
        return type(value) in (int, float) and bool(kind.start <= value <= kind.stop)
    return type(value) is type(kind) and (isinstance(kind, dict) or bool(value == kind))


def _text(kind: Any) -> str:
    if isinstance(kind, tuple):
        return " or ".join(map(_text, kind))
    if isinstance(kind, list):
        return f"a list of up to {_LEVELS}, each {_text(kind[0])}"
    if isinstance(kind, range):
        return f"a whole number from {kind[0]} to {kind[-1]}"
    if isinstance(kind, slice):
        return f"a number from {kind.start:g} to {kind.stop:g}"
    return "an object" if isinstance(kind, dict) else json.dumps(kind)


def _wrong(key: str, value: Any, expected: str) -> ValueError:
    return ValueError(f"{key} must be {expected}, not {shorten(json.dumps(value))}")
