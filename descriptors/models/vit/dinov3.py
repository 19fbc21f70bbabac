"""DINOv3 features as a descriptor."""

from collections.abc import Mapping
from typing import Any

import torch

from ...backbone import Precision
from ...errors import WeightsNotFoundError
from ...image.canvas import Fit
from ...runtime.loading import Renames
from ...weights.configs import read_config
from ...weights.reading import read_json
from .base import Facet, ViT

# Published as transformers' folder and as timm's: names and sizes by transformers' script of
# conversion and timm's `eva` module. Timm's files hold queries, keys and values as one matrix and
# no biases of theirs, which are 0 in the authors' weights. Both libraries compute the frequencies
# of the rotation in float32; the authors' own files hold them rounded to bfloat16.
_RENAMES: Renames = {
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

_TIMM_SIZES = {
    "vit_small_patch16_dinov3": (384, 6, 12),
    "vit_base_patch16_dinov3": (768, 12, 12),
    "vit_large_patch16_dinov3": (1024, 16, 24),
}
"""Channels, heads and blocks by the name of an architecture: timm's config says no more."""


class DINOv3(ViT):
    """One facet of one block of DINOv3: 768 channels at 60 x 60 cells by default.

    Siméoni et al., "DINOv3", arXiv:2508.10104. Patches only: neither the class token nor the four
    registers. Positions enter by rotation of queries and keys in attention (RoPE), so that any
    canvas has them. Nothing after the block is loaded or run.

    Args:
        model: `dinov3-small`, `-base` or `-large`; or the path of a folder with safetensors, of
            transformers or of timm.
        size, fit: The canvas, as in `Backbone`; a multiple of the patch's side, 16.
        layer: The block, counted from 0; None for the last.
        facet: `token`, the residual stream after the block; or `key`, `query`, `value`, the
            projections in its attention with the heads joined: keys and queries are not rotated
            yet.
        norm: Whether the token goes through the final layer norm; None for yes where the facet is
            the token, as in the authors' dense tasks.
        debias: As in `DINOv2`. For semantic correspondence the authors of INSID3 take 20 with the
            base model and its final norm.
        device, dtype, batch_size: As in `Backbone`. `auto` precision is float16 on GPUs and float32
            on the CPU.

    Raises:
        WeightsNotFoundError: The weights are not on this machine, or the folder is not one of
            DINOv3.
        OptionError: An option is out of range.
    """

    source = family = "dinov3"
    default_layers = ("token of block 11",)
    blocks_name = "model.layer"
    norm_name = "norm"

    def __init__(
        self,
        *,
        model: str = "dinov3-base",
        size: int = 960,
        fit: Fit = "pad",
        layer: int | None = None,
        facet: Facet = "token",
        norm: bool | None = None,
        debias: int = 0,
        device: str = "auto",
        dtype: Precision = "auto",
        batch_size: int | None = None,
    ) -> None:
        if norm is None:
            norm = facet == "token"
        common: dict[str, Any] = {"size": size, "fit": fit, "device": device, "dtype": dtype}
        common["batch_size"] = batch_size
        super().__init__(model=model, layer=layer, facet=facet, norm=norm, debias=debias, **common)

    def read_config(self) -> dict[str, Any]:
        """See `ViT.read_config`."""
        path = self.checkpoint.folder / "config.json"
        sizes = _TIMM_SIZES.get(str(read_json(path).get("architecture")))
        if sizes is None:
            config = read_config(path, "DINOv3ViTModel")
            channels, heads = config["hidden_size"], config["num_attention_heads"]
            if channels % (4 * heads):
                raise WeightsNotFoundError(
                    f"{path}: num_attention_heads must give each head a multiple of 4 channels of "
                    f"{channels} (hidden_size), not {heads}",
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

    def load_network(self) -> Any:
        """See `ViT.load_network`."""
        module = self.load_module("DINOv3ViTModel", _RENAMES)
        # Its frequencies follow from the config: no file holds them. In training it is random.
        rotation = type(module.rope_embeddings)(module.config)
        module.rope_embeddings = rotation.to(self.torch_device).eval()
        return module

    def embed(self, pictures: torch.Tensor) -> tuple[torch.Tensor, Mapping[str, Any]]:
        """See `ViT.embed`: the class token, the registers and the patches; and their rotation."""
        rotation = self.network.rope_embeddings(pictures)
        return self.network.embeddings(pictures), {"position_embeddings": rotation}
