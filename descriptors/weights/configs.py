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

_PER_LEVEL = ("block_out_channels", "down_block_types", "up_block_types")
_LEVELS = 8


def _keys(kind: Any, names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), kind)


_FLAG = (True, False, None)
_WIDTH = range(1, 65_537)
_DEPTH = range(257)
_LAYERS = (range(65), [range(65)])
_ACTIVATION = ("gelu", "quick_gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu")
# A kind is a range of whole numbers, a slice of numbers with both its ends, a list of one kind, a
# tuple of alternatives, or a value itself; `dict` is an object of these keys.
_KINDS = {
    # Transformers: DINOv2, CLIP, CLIPSeg.
    **_keys(dict, "text_config text_config_dict vision_config vision_config_dict"),
    **_keys(_WIDTH, "hidden_size intermediate_size reduce_dim decoder_intermediate_size"),
    **_keys(range(1, 257), "num_hidden_layers mlp_ratio"),
    **_keys(range(1, 1025), "num_attention_heads decoder_num_attention_heads"),
    **_keys(_ACTIVATION, "hidden_act decoder_hidden_act"),
    **_keys(range(1, 8193), "image_size patch_size max_position_embeddings"),
    **_keys(_FLAG, "qkv_bias use_swiglu_ffn use_complex_transposed_convolution"),
    **_keys((range(1 << 20), None), "eos_token_id projection_dim"),
    "vocab_size": range(1, 1 << 20),
    "num_channels": 3,
    "num_register_tokens": range(1025),
    "conditional_layer": _DEPTH,
    "extract_layers": [_DEPTH],
    # Stable Diffusion: the U-Net and the autoencoder.
    "block_out_channels": [range(1, 16_385)],
    "act_fn": ("silu", "swish", "mish", "gelu", "relu"),
    "cross_attention_dim": _WIDTH,
    "sample_size": (range(1, 1025), [range(1, 1025)], None),
    "layers_per_block": (range(1, 17), [range(1, 17)]),
    "attention_head_dim": (_WIDTH, [_WIDTH]),
    "transformer_layers_per_block": (*_LAYERS, [_LAYERS]),
    "reverse_transformer_layers_per_block": ([_LAYERS], None),
    "only_cross_attention": (*_FLAG, [_FLAG]),
    "mid_block_type": ("UNetMidBlock2DCrossAttn", "UNetMidBlock2D", None),
    "addition_embed_type": ("text_time", None),
    **_keys(range(1, 1025), "in_channels out_channels latent_channels norm_num_groups"),
    **_keys(slice(0.5, 2), "mid_block_scale_factor resnet_out_scale_factor"),
    "scaling_factor": slice(0.001, 1000),
    **_keys(slice(0, 1), "norm_eps layer_norm_eps"),
    **_keys((0, 1), "freq_shift downsample_padding"),
    **_keys((_WIDTH, None), "addition_time_embed_dim time_cond_proj_dim"),
    "projection_class_embeddings_input_dim": (_WIDTH, None),
    **_keys(_FLAG, "flip_sin_to_cos mid_block_only_cross_attention upcast_attention"),
    **_keys(_FLAG, "use_linear_projection force_upcast use_quant_conv use_post_quant_conv"),
    "mid_block_add_attention": _FLAG,
    # What else a U-Net builds of these takes inputs that features of an image can't give.
    **_keys(3, "conv_in_kernel conv_out_kernel"),
    **_keys("default", "attention_type resnet_time_scale_shift"),
    "time_embedding_type": "positional",
    **_keys((False, None), "center_input_sample class_embeddings_concat dual_cross_attention"),
    **_keys((False, None), "resnet_skip_time_act class_embed_type cross_attention_norm"),
    **_keys(None, "encoder_hid_dim encoder_hid_dim_type num_class_embeds time_embedding_act_fn"),
    **_keys(None, "time_embedding_dim timestep_post_act"),
    # Its scheduler.
    "num_train_timesteps": range(1, 100_001),
    "trained_betas": None,
    "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"),
    "prediction_type": ("epsilon", "sample", "v_prediction"),
    "timestep_spacing": ("leading", "linspace", "trailing"),
    "steps_offset": range(1001),
    **_keys(slice(0, 1), "beta_start beta_end dynamic_thresholding_ratio"),
    **_keys(slice(0, 1e6), "clip_sample_range sample_max_value"),
    **_keys(_FLAG, "rescale_betas_zero_snr set_alpha_to_one thresholding"),
}
_OWN: Mapping[str, Mapping[str, Any]] = {
    "UNet2DConditionModel": {
        "_class_name": "UNet2DConditionModel",
        "down_block_types": [("DownBlock2D", "CrossAttnDownBlock2D")],
        "up_block_types": [("UpBlock2D", "CrossAttnUpBlock2D")],
        "num_attention_heads": None,
    },
    "AutoencoderKL": {
        "_class_name": "AutoencoderKL",
        "down_block_types": ["DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D"],
        "in_channels": 3,
        "layers_per_block": range(1, 17),
    },
    # The side of its pictures, 352, is a multiple of these.
    "CLIPSegForImageSegmentation": {"patch_size": (8, 16, 32)},
}
_NEEDED = {
    "UNet2DConditionModel": ("_class_name", *_PER_LEVEL, "layers_per_block", "cross_attention_dim"),
    "AutoencoderKL": ("_class_name", *_PER_LEVEL),
    "Dinov2Model": ("hidden_size", "num_hidden_layers", "patch_size"),
}
_HINTS = {
    "UNet2DConditionModel": "text-to-image models of Stable Diffusion 1.x, 2.x and XL are read: no "
    "inpainting, upscaling or refining one",
}


def read_config(path: Path, kind: str) -> dict[str, Any]:
    """What a JSON config says to a class of this name, each value checked.

    Raises `WeightsNotFoundError`, naming the file, if it is missing or damaged, and naming key and
    value if a network of this kind can't have it.
    """
    values, kinds = read_json(path), {**_KINDS, **_OWN.get(kind, {})}
    try:
        config = _checked(values, kinds, "", _NEEDED.get(kind, ()))
        levels = {key: len(config[key]) for key in _PER_LEVEL if key in config}
        if len(set(levels.values())) > 1:
            raise _wrong("block_out_channels", levels, "as long as the lists of block types")
        vision = config.get("vision_config") or config
        if vision.get("patch_size", 1) > vision.get("image_size", 224):
            raise _wrong("patch_size", vision["patch_size"], "at most image_size")
    except ValueError as error:
        hint = _HINTS.get(kind, "the file is damaged, or of a model of another kind")
        raise WeightsNotFoundError(f"{path}: {error}", hint=hint) from error
    return config


def _checked(
    values: Mapping[str, Any], kinds: Mapping[str, Any], place: str, needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for key, kind in kinds.items():
        value = values.get(key)
        if kind is dict and isinstance(value, dict):
            checked[key] = _checked(value, kinds, f"{place}{key}.")
        elif key in values or key in needed:
            if not _fits(value, kind):
                raise _wrong(place + key, value, _text(kind))
            checked[key] = value
    return checked


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
    return value is None if kind is dict else type(value) is type(kind) and bool(value == kind)


def _text(kind: Any) -> str:
    if isinstance(kind, tuple):
        return " or ".join(map(_text, kind))
    if isinstance(kind, list):
        return f"a list of up to {_LEVELS}, each {_text(kind[0])}"
    if isinstance(kind, range):
        return f"a whole number from {kind[0]} to {kind[-1]}"
    if isinstance(kind, slice):
        return f"a number from {kind.start:g} to {kind.stop:g}"
    return "an object" if kind is dict else json.dumps(kind)


def _wrong(key: str, value: Any, expected: str) -> ValueError:
    return ValueError(f"{key} must be {expected}, not {shorten(json.dumps(value))}")
