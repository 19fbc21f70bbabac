"""Stable Diffusion whole, built around what a descriptor has loaded of it."""

from typing import Any

import torch

from ...descriptors.models.diffusion.latent import RENAMES, encoder_dtype
from ...descriptors.models.diffusion.stable_diffusion import StableDiffusion
from ...descriptors.runtime.loading import Renames, empty_module, load_weights

Shared = list[tuple[torch.nn.Module, str, torch.nn.Module]]


def whole_unet(model: StableDiffusion) -> Any:
    """The `UNet2DConditionModel` of diffusers of this checkpoint, with all of its blocks.

    Modules that the descriptor has loaded are part of it, the same objects; only the others are
    read from the file. Raises `WeightsNotFoundError` for damaged weights.
    """
    unet = empty_module(
        "UNet2DConditionModel", model.unet_config, model.checkpoint.part_folder("unet")
    )
    _load(unet, vars(model).get("unet"), model, "unet", model.torch_dtype, {})
    return unet


def whole_vae(model: StableDiffusion) -> Any:
    """The `AutoencoderKL` of diffusers of this checkpoint, with encoder and decoder; likewise."""
    dtype = encoder_dtype(model.vae_config, model.torch_dtype)
    vae = empty_module("AutoencoderKL", model.vae_config, model.checkpoint.part_folder("vae"))
    _load(vae, vars(model).get("vae"), model, "vae", dtype, RENAMES)
    return vae


def _load(
    module: torch.nn.Module,
    loaded: torch.nn.Module | None,
    model: StableDiffusion,
    part: str,
    dtype: torch.dtype,
    renames: Renames,
) -> None:
    shared: Shared = [] if loaded is None else _common(module, loaded)
    for parent, name, _ in shared:
        parent.add_module(name, torch.nn.Identity())
    files, device = model.checkpoint.weights[part], model.torch_device
    load_weights(module, files, dtype=dtype, device=device, renames=renames)
    for parent, name, child in shared:
        parent.add_module(name, child)


def _common(module: torch.nn.Module, loaded: torch.nn.Module) -> Shared:
    """The largest parts of the module that another one of its kind has whole."""
    shared: Shared = []
    there = dict(loaded.named_children())
    for name, child in module.named_children():
        if name not in there:
            continue
        if child.state_dict().keys() == there[name].state_dict().keys():
            shared.append((module, name, there[name]))
        else:
            shared += _common(child, there[name])
    return shared
