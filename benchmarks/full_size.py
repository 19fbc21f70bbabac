"""Full-size models with random weights: as folders like pulled ones, and as bare networks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

import torch
from descr.descriptors.runtime.loading import empty_module, load_weights
from descr.descriptors.runtime.quiet import quiet
from descr.descriptors.weights.configs import read_config
from safetensors.torch import save_file

TOKENIZER = Path(__file__).parents[1] / "tests" / "data" / "tiny-stable-diffusion" / "tokenizer"

TIMESTEP = 100
UNET: Mapping[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
VAE: Mapping[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
    "layers_per_block": 2,
    "sample_size": 512,
}
TEXT: Mapping[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "projection_dim": 768,
}
SCHEDULER: Mapping[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}
DINOV2: Mapping[str, Mapping[str, Any]] = {
    "small": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16},
}


def stable_diffusion(folder: Path, dtype: torch.dtype) -> Path:
    """A pipeline folder of Stable Diffusion 1.5's size, its weights in this precision."""
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    pipeline = folder / f"sd-{str(dtype).removeprefix('torch.')}"
    if pipeline.is_dir():
        return pipeline
    with torch.device("meta"):
        parts = {
            "unet": UNet2DConditionModel(**UNET),
            "vae": AutoencoderKL(**VAE),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**TEXT)),
        }
    for name, module in parts.items():
        _write(module, pipeline / name, dtype)
    DDIMScheduler(**SCHEDULER).save_pretrained(pipeline / "scheduler")
    copytree(TOKENIZER, pipeline / "tokenizer")
    return pipeline


def dinov2(folder: Path, size: str, dtype: torch.dtype = torch.float32) -> Path:
    """A model folder of DINOv2's size `small`, `base` or `large`."""
    from transformers import Dinov2Config, Dinov2Model

    model = folder / f"dinov2-{size}-{str(dtype).removeprefix('torch.')}"
    if model.is_dir():
        return model
    config = Dinov2Config(image_size=518, patch_size=14, **DINOV2[size])
    with torch.device("meta"):
        module = Dinov2Model(config)
    _write(module, model, dtype)
    return model


def _write(module: Any, folder: Path, dtype: torch.dtype) -> None:
    """Write a module's config and random weights that keep activations at the scale they have.

    Matrices have the variance of their fan-in, norms and scales are near 1, biases near 0.
    """
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, weight in module.state_dict().items():
        values = torch.randn(weight.shape, generator=generator)
        if weight.ndim > 1:
            values *= weight[0].numel() ** -0.5
        else:
            values = values * 0.05 + (not name.endswith("bias"))
        weights[name] = values.to(dtype)
    folder.mkdir(parents=True)
    if hasattr(module, "save_config"):
        module.save_config(folder)
        stem = "diffusion_pytorch_model"
    else:
        module.config.save_pretrained(folder)
        stem = "model"
    save_file(weights, folder / f"{stem}.safetensors", metadata={"format": "pt"})


def bare_stable_diffusion(
    folder: Path, size: int, *, windows: int, encoded_at_once: int, device: str
) -> Callable[[], object]:
    """VAE encoding and the U-Net, cut after the state decoder_8, on so many squares of this size.

    The U-Net takes all of them at once, the encoder some at a time.
    """
    vae = _load("AutoencoderKL", folder / "vae", device)
    unet = _load("UNet2DConditionModel", folder / "unet", device)
    pixels = torch.rand(windows, 3, size, size, device=device)
    noise = torch.randn(1, 4, size // 8, size // 8, device=device)
    text = torch.randn(1, 77, unet.config.cross_attention_dim, device=device)

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
                noisy = 0.9 * latents + 0.4 * noise
                return unet(noisy, TIMESTEP, text.expand(windows, -1, -1))
        except StopIteration as state:
            return state.value

    return run


def bare_dinov2(
    folder: Path, *, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> Callable[[torch.Tensor], object]:
    """The whole model, without gradients."""
    with quiet():
        from transformers import Dinov2Model

        model = Dinov2Model.from_pretrained(folder, dtype=dtype).eval().to(device)
    return torch.inference_mode()(model)


def _stop(module: Any, inputs: Any, output: Any) -> None:
    raise StopIteration(output)


def _load(kind: str, folder: Path, device: str) -> Any:
    module = empty_module(kind, read_config(folder / "config.json", kind), folder)
    files = sorted(folder.glob("*.safetensors"))
    load_weights(module, files, dtype=torch.float32, device=torch.device(device))
    return module
