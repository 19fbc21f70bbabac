"""The networks called directly, without descr: what extraction is measured against."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from descr.descriptors.runtime.loading import empty_module, load_weights
from descr.descriptors.runtime.quiet import quiet
from descr.descriptors.weights.configs import read_config

CPU = torch.device("cpu")
TIMESTEP = 100

Run = Callable[[], object]


def stable_diffusion(
    folder: Path, size: int, dtype: torch.dtype, *, windows: int, encoded_at_once: int
) -> Run:
    """VAE encoding and the U-Net, cut after the state decoder_8, on so many squares of this size.

    The U-Net takes all of them at once, the encoder some at a time.
    """
    vae = _load("AutoencoderKL", folder / "vae", dtype)
    unet = _load("UNet2DConditionModel", folder / "unet", dtype)
    pixels = torch.rand(windows, 3, size, size).to(dtype)
    noise = torch.randn(1, 4, size // 8, size // 8).to(dtype)
    text = torch.randn(1, 77, unet.config.cross_attention_dim).to(dtype).expand(windows, -1, -1)

    # A hook on the last block that is needed ends the forward there.
    unet.up_blocks[2].attentions[1].register_forward_hook(_stop)

    def run() -> object:
        try:
            with torch.inference_mode():
                means = [
                    vae.encode(part * 2 - 1).latent_dist.mean
                    for part in pixels.split(encoded_at_once)
                ]
                latents = torch.cat(means) * vae.config.scaling_factor
                return unet(0.9 * latents + 0.4 * noise, TIMESTEP, text)
        except StopIteration as state:
            return state.value

    return run


def dinov2(folder: Path, size: int, dtype: torch.dtype) -> Run:
    """The whole model on a canvas of this size."""
    with quiet():
        from transformers import Dinov2Model

        model = Dinov2Model.from_pretrained(folder, dtype=dtype).eval()
    pixels = torch.randn(1, 3, size, size).to(dtype)

    def run() -> object:
        with torch.inference_mode():
            return model(pixels)

    return run


def _stop(module: Any, inputs: Any, output: Any) -> None:
    raise StopIteration(output)


def _load(kind: str, folder: Path, dtype: torch.dtype) -> Any:
    module = empty_module(kind, read_config(folder / "config.json", kind), folder)
    load_weights(module, sorted(folder.glob("*.safetensors")), dtype=dtype, device=CPU)
    return module
