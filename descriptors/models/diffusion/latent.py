"""From pixels to latents: the encoder half of the VAE."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from ...runtime.loading import empty_module, load_weights
from ...weights import Checkpoint
from .strips import encode_in_strips

# The names that attention had in the files of the first releases.
RENAMES = {
    ".query.": (".to_q.",),
    ".key.": (".to_k.",),
    ".value.": (".to_v.",),
    ".proj_attn.": (".to_out.0.",),
}
_COPIES = {"cpu": 3}
"""Arrays of the first level's features that are alive at once in a residual block: 5 elsewhere."""


def load_encoder(
    checkpoint: Checkpoint, config: Mapping[str, Any], *, dtype: torch.dtype, device: torch.device
) -> Any:
    """The `AutoencoderKL` of diffusers without its decoder, which isn't read from the file."""
    vae = empty_module("AutoencoderKL", config, checkpoint.part_folder("vae"))
    vae.decoder = vae.post_quant_conv = None
    load_weights(vae, checkpoint.weights["vae"], dtype=dtype, device=device, renames=RENAMES)
    return vae


def encoder_dtype(config: Mapping[str, Any], dtype: torch.dtype) -> torch.dtype:
    """The precision for the encoder where the U-Net has this one.

    float16 overflows in most of these encoders; their configs say so (`force_upcast`).
    """
    if dtype == torch.float16 and config.get("force_upcast", True):
        return torch.float32
    return dtype


def encode_posterior(vae: Any, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the posterior, both x scaling factor.

    Latents (batch, channel, rows, columns), float32, of `pixels` (batch, 3, height, width),
    float32, in [0, 1].
    """
    # Strips are written over their input, which gradients would need.
    strips = pixels.device.type == "cpu" and not torch.is_grad_enabled()
    encoder = partial(encode_in_strips, vae.encoder) if strips else vae.encoder
    hidden = encoder((pixels * 2 - 1).to(vae.dtype))
    if vae.quant_conv is not None:
        hidden = vae.quant_conv(hidden)
    mean, logarithm = hidden.float().chunk(2, dim=1)
    factor = float(vae.config.scaling_factor)
    # The bounds are those of the autoencoder of latent diffusion.
    return mean * factor, (0.5 * logarithm.clamp(-30, 20)).exp() * factor


def encoder_activations(
    config: Mapping[str, Any], pixels: int, dtype: torch.dtype, device: torch.device
) -> int:
    """About how many bytes of activations a canvas of so many pixels takes in the encoder."""
    copies = _COPIES.get(device.type, 5)
    return pixels * int(config["block_out_channels"][0]) * copies * dtype.itemsize
