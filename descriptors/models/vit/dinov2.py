"""DINOv2 features as a descriptor."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, get_args

import torch

from ...backbone import Backbone, Precision
from ...errors import OptionError
from ...image.canvas import Fit
from ...layer import Layer
from ...runtime.memory import fitting, in_batches
from ...runtime.precision import network_dtype
from ...settings import check_choice, check_int
from ...weights import find_weights
from ...weights.configs import read_config
from .network import Facet, load_network, read_facet

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
_COPIES = 16
"""Arrays as large as a block's tokens that are alive at once, those of its MLP counted as 4."""


class DINOv2(Backbone):
    """One facet of one block of DINOv2: 768 channels at 60 x 60 cells by default.

    Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", TMLR 2024; the
    facets as in Amir et al., "Deep ViT Features as Dense Visual Descriptors", ECCVW 2022. The
    defaults are those of "A Tale of Two Features" (Zhang et al., NeurIPS 2023). Patches only:
    neither the class token nor registers. Nothing after the block is loaded or run.

    Parameters
    ----------
    model:
        `dinov2-small`, `-base`, `-large` or `-giant`, each also with `-registers`; or the path of
        a transformers folder with safetensors.
    size, fit:
        The canvas, as in `Backbone`; a multiple of the patch's side, 14.
    layer:
        The block, counted from 0; None for the last.
    facet:
        `token`, the residual stream after the block; or `key`, `query`, `value`, the projections
        in its attention with the heads joined.
    norm:
        Whether the token goes through the final layer norm.
    stride:
        Distance between neighbouring patches in canvas pixels, a divisor of 14: below it patches
        overlap.
    device, dtype:
        As in `Backbone`. `auto` precision is float16 on GPUs and float32 on the CPU.

    Raises
    ------
    WeightsNotFoundError
        The weights are not on this machine, or the folder is not one of DINOv2.
    OptionError
        An option is out of range.
    """

    source = "dinov2"

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
        device: str = "auto",
        dtype: Precision = "auto",
    ) -> None:
        super().__init__(size=size, fit=fit, device=device, dtype=dtype)
        self.checkpoint = find_weights(model, "dinov2")
        self.model, self.revision = os.fspath(model), self.checkpoint.revision
        self.weights_variant = self.checkpoint.precision
        self.config = read_config(self.checkpoint.folder / "config.json", "Dinov2Model")
        last = self.config["num_hidden_layers"] - 1
        self.layer = last if layer is None else check_int("layer", layer, minimum=0, maximum=last)
        self.facet: Facet = check_choice("facet", facet, get_args(Facet))
        self.norm = check_choice("norm", norm, (False, True))
        if self.norm and self.facet != "token":
            raise OptionError(f"norm applies to the token, not to the {self.facet}")
        self.patch = int(self.config["patch_size"])
        self.stride = check_int("stride", stride, minimum=1, maximum=self.patch)
        if self.patch % self.stride:
            raise OptionError(f"stride must divide the patch's side {self.patch}, not {stride}")
        self.layers = [Layer(self.facet, self.stride, patch=self.patch)]
        self.check_size()

    @property
    def weights_name(self) -> str:
        """The name of the weights, wherever their folder lies."""
        return self.checkpoint.name

    @property
    def multiple(self) -> int:
        """The patch's side, in pixels: whatever the stride, the canvas is the same."""
        return self.patch

    @property
    def preferred_dtype(self) -> torch.dtype:
        """The precision that `auto` stands for, by the device."""
        return network_dtype(self.torch_device)

    @property
    def pixel_dtype(self) -> torch.dtype:
        """float32: pixels are rounded once, after mean and deviation."""
        return torch.float32

    @cached_property
    @torch.inference_mode(False)
    def network(self) -> Any:
        """The module of transformers up to the block; loaded when it is first needed."""
        return load_network(
            self.checkpoint,
            self.config,
            blocks=self.layer + 1,
            norm=self.norm,
            stride=self.stride,
            dtype=self.torch_dtype,
            device=self.torch_device,
        )

    def forward(self, pixels: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The facet: (batch, channel, rows, columns) under its name; see `Backbone.forward`."""
        mean, deviation = (
            pixels.new_tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION)
        )

        def run(part: slice) -> torch.Tensor:
            pictures = ((pixels[part] - mean) / deviation).to(self.torch_dtype)
            return read_facet(self.network, pictures, self.facet)

        item = self._activations(*pixels.shape[2:])
        batches = in_batches(run, len(pixels), fitting(item, self.torch_device))
        return {self.facet: torch.cat([features for _, features in batches])}

    def working_memory(self, height: int, width: int) -> int:
        """See `Backbone.working_memory`: the activations of one block; weights do not count."""
        return super().working_memory(height, width) + self._activations(height, width)

    def _activations(self, height: int, width: int) -> int:
        """About how many bytes of activations one canvas takes in the network."""
        cells = self.layers[0].count(height) * self.layers[0].count(width)
        return cells * int(self.config["hidden_size"]) * _COPIES * self.torch_dtype.itemsize
