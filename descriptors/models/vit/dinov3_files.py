"""The two forms in which DINOv3 is published: transformers' folder and timm's.

The names and sizes are those of transformers' script of conversion and of timm's `eva` module. The
files of timm hold queries, keys and values as one matrix and no biases of theirs, which are 0 in
the weights of the authors. Both libraries compute the frequencies of the rotation in float32;
the authors' own files hold them rounded to bfloat16.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...errors import WeightsNotFoundError
from ...runtime.loading import Renames
from ...weights.configs import read_config
from ...weights.reading import read_json

RENAMES: Renames = {
    # In transformers' files; the module has had its encoder by itself since version 5.
    "layer.": ("model.layer.",),
    # In timm's.
    "blocks.": ("model.layer.",),
    "cls_token": ("embeddings.cls_token",),
    "reg_token": ("embeddings.register_tokens",),
    "patch_embed.proj": ("embeddings.patch_embeddings",),
    "attn.qkv": ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    "attn.proj": ("attention.o_proj",),
    "gamma_1": ("layer_scale1.lambda1",),
    "gamma_2": ("layer_scale2.lambda1",),
    "mlp.fc1": ("mlp.up_proj",),
    "mlp.fc2": ("mlp.down_proj",),
}
"""Names in the files of either form to those of `DINOv3ViTModel`; all of them may apply to one."""

TIMM_SIZES: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "vit_small_patch16_dinov3": (384, 6, 12),
        "vit_base_patch16_dinov3": (768, 12, 12),
        "vit_large_patch16_dinov3": (1024, 16, 24),
    }
)
"""Channels, heads and blocks by the name of an architecture: timm's config says no more."""


def read_dinov3_config(path: Path) -> dict[str, Any]:
    """The config of a folder of either form, checked, by the names of transformers.

    Raises `WeightsNotFoundError`, naming the file, as `weights.configs.read_config` does.
    """
    sizes = TIMM_SIZES.get(str(read_json(path).get("architecture")))
    if sizes is None:
        config = read_config(path, "DINOv3ViTModel")
        if config["hidden_size"] % (4 * config["num_attention_heads"]):
            raise WeightsNotFoundError(
                f"{path}: num_attention_heads must give each head a multiple of 4 channels of "
                f"{config['hidden_size']} (hidden_size), not {config['num_attention_heads']}",
                hint="the file is damaged, or of a model of another kind",
            )
        return config
    channels, heads, blocks = sizes
    return {
        "hidden_size": channels,
        "intermediate_size": 4 * channels,
        "num_attention_heads": heads,
        "num_hidden_layers": blocks,
        "num_register_tokens": 4,
        "patch_size": 16,
        "layer_norm_eps": 1e-5,
        "rope_theta": 100.0,
        "query_bias": False,
        "value_bias": False,
    }
