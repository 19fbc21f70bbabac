"""DINOv2 features as a descriptor."""

from collections.abc import Mapping
from typing import Any

import torch

from ...backbone import Precision
from ...errors import OptionError
from ...image.canvas import Fit
from ...layer import Layer
from ...runtime.loading import Renames
from ...settings import check_int
from ...weights.configs import read_config
from .base import Facet, ViT
from .positions import resize_positions

# The names in published files, and those that the modules have since transformers 5.
_RENAMES: Renames = {
    "attention.attention.query": ("attention.q_proj",),
    "attention.attention.key": ("attention.k_proj",),
    "attention.attention.value": ("attention.v_proj",),
    "attention.output.dense": ("attention.o_proj",),
    "mlp.weights_in": ("mlp.gate_proj", "mlp.up_proj"),
    "mlp.weights_out": ("mlp.down_proj",),
}


class DINOv2(ViT):
    """One facet of one block of DINOv2: 768 channels at 60 x 60 cells by default.

    Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", TMLR 2024; the
    facets as in Amir et al., "Deep ViT Features as Dense Visual Descriptors", ECCVW 2022. The
    defaults are those of "A Tale of Two Features" (Zhang et al., NeurIPS 2023). Patches only:
    neither the class token nor registers. Nothing after the block is loaded or run.

    Args:
        model: `dinov2-small`, `-base`, `-large` or `-giant`, each also with `-registers`; or the
            path of a transformers folder with safetensors.
        size, fit: The canvas, as in `Backbone`; a multiple of the patch's side, 14.
        layer: The block, counted from 0; None for the last.
        facet: `token`, the residual stream after the block; or `key`, `query`, `value`, the
            projections in its attention with the heads joined.
        norm: Whether the token goes through the final layer norm.
        stride: Distance between neighbouring patches in canvas pixels, a divisor of 14: below it
            patches overlap.
        debias: How many directions that hold a cell's position are taken out of the features; 0 for
            none. They are those in which the cells of a black canvas of the same shape differ most
            (Cuttano et al., "INSID3", CVPR 2026), which is one more pass for each shape of canvas.
            Below the number of channels and of cells.
        device, dtype, batch_size: As in `Backbone`. `auto` precision is float16 on GPUs and float32
            on the CPU.

    Raises:
        WeightsNotFoundError: The weights are not on this machine, or the folder is not one of
            DINOv2.
        OptionError: An option is out of range.
    """

    source = family = "dinov2"
    default_layers = ("token of block 11",)
    blocks_name = "encoder.layer"
    norm_name = "layernorm"

    def __init__(
        self,
        *,
        model: str = "dinov2-base",
        size: int = 840,
        fit: Fit = "pad",
        layer: int | None = None,
        facet: Facet = "token",
        norm: bool = False,
        stride: int = 14,
        debias: int = 0,
        device: str = "auto",
        dtype: Precision = "auto",
        batch_size: int | None = None,
    ) -> None:
        common: dict[str, Any] = {"size": size, "fit": fit, "device": device, "dtype": dtype}
        common["batch_size"] = batch_size
        super().__init__(model=model, layer=layer, facet=facet, norm=norm, debias=debias, **common)
        self.stride = check_int("stride", stride, minimum=1, maximum=self.patch)
        if self.patch % self.stride:
            raise OptionError(f"stride must divide the patch's side {self.patch}, not {stride}")
        self.layers = [Layer(self.facet, self.stride, patch=self.patch)]

    def read_config(self) -> dict[str, Any]:
        """See `ViT.read_config`."""
        return read_config(self.checkpoint.folder / "config.json", "Dinov2Model")

    def load_network(self) -> Any:
        """See `ViT.load_network`."""
        config = self.config
        registers = "num_register_tokens" in config or "registers" in config.get("model_type", "")
        kind = "Dinov2WithRegistersModel" if registers else "Dinov2Model"
        module = self.load_module(kind, _RENAMES)
        module.embeddings.patch_embeddings.projection.stride = (self.stride, self.stride)
        return module

    def embed(self, pictures: torch.Tensor) -> tuple[torch.Tensor, Mapping[str, Any]]:
        """See `ViT.embed`: the class token, the registers, without a position, and the patches."""
        embeddings = self.network.embeddings
        cells = embeddings.patch_embeddings.projection(pictures)
        registers = getattr(embeddings, "register_tokens", None)
        positions, start = embeddings.position_embeddings, embeddings.cls_token
        start = start + positions[:, :1]
        if registers is not None:
            start = torch.cat((start, registers), dim=1)
        patches = cells.flatten(2).transpose(1, 2) + resize_positions(
            positions[:, 1:], *cells.shape[2:], registers=registers is not None
        )
        return torch.cat((start.expand(len(pictures), -1, -1), patches), dim=1), {}
