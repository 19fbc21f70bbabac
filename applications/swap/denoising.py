"""A picture redrawn by Stable Diffusion, with what a descriptor has loaded of its networks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import torch

from ...descriptors.errors import WeightsNotFoundError
from ...descriptors.models.diffusion.latent import RENAMES, encode_posterior, encoder_dtype
from ...descriptors.models.diffusion.noise import draw_noise
from ...descriptors.models.diffusion.prompt import Conditioning, encode_prompt
from ...descriptors.models.diffusion.stable_diffusion import StableDiffusion
from ...descriptors.models.diffusion.unet import size_conditioning
from ...descriptors.runtime.loading import empty_module, load_weights
from ...descriptors.runtime.quiet import quiet
from ...descriptors.settings import check_int

if TYPE_CHECKING:
    from .refinement import Refinement

Shared = tuple[torch.nn.Module, str, torch.nn.Module]
"""The parent, the name and the module itself of what two networks have in common."""


def redraw(
    pixels: torch.Tensor,
    settings: "Refinement",
    *,
    model: StableDiffusion,
    unet: Any,
    vae: Any,
    keep: torch.Tensor | None = None,
) -> torch.Tensor:
    """The picture (3, height, width), float32 in [0, 1], after noise was added and removed.

    Image-to-image by Meng et al., "SDEdit" (ICLR 2022), in the latent space, with the deterministic
    steps of DDIM (Song et al., ICLR 2021, eta = 0) and classifier-free guidance (Ho and Salimans,
    2022). The sides of the picture are multiples of the model's; `unet` and `vae` are its networks.
    Cells of the latent in `keep`, bool (rows, columns), follow the picture in each step (Avrahami
    et al., "Blended Latent Diffusion", SIGGRAPH 2023).
    Raises `WeightsNotFoundError` if damaged weights, or too low a precision, give no numbers, and
    `OptionError` for more steps than the model was trained with.
    """
    steps, prompt, guidance = settings.steps, settings.prompt, settings.guidance
    device, scheduler = model.torch_device, _scheduler(model)
    count = scheduler.config.num_train_timesteps
    scheduler.set_timesteps(check_int("steps", steps, minimum=1, maximum=count))
    taken = round(settings.strength * steps)
    # The first of as many steps as the model was trained with is beyond its last, by the offset.
    timesteps = scheduler.timesteps[steps - taken :].clamp(max=count - 1)
    with torch.no_grad():
        clean = encode_posterior(vae, pixels[None].to(device))[0]
        _, channels, rows, columns = clean.shape
        noise = draw_noise("gaussian", 1, (channels, rows, columns), settings.seed).to(device)
        latents = scheduler.add_noise(clean, noise, timesteps[:1]) if taken else clean
        size = pixels.shape[1], pixels.shape[2]
        prompts = [prompt, ""] if prompt and guidance != 1 else [prompt]
        texts = [_conditioning(model, one) for one in prompts] if taken else []
        for index, timestep in enumerate(timesteps):
            noises = [
                unet(
                    latents.to(model.torch_dtype),
                    timestep,
                    encoder_hidden_states=text.states,
                    added_cond_kwargs=size_conditioning(text, 1, size),
                ).sample.float()
                for text in texts
            ]
            predicted, *unguided = noises
            for other in unguided:
                predicted = other + guidance * (predicted - other)
            latents = scheduler.step(predicted, timestep, latents, eta=0.0).prev_sample
            if keep is not None:
                later = timesteps[index + 1 : index + 2]
                fixed = scheduler.add_noise(clean, noise, later) if len(later) else clean
                latents = torch.where(keep.to(device), fixed, latents)
        scaled = latents / float(vae.config.scaling_factor)
        picture: torch.Tensor = vae.decode(scaled.to(vae.dtype)).sample.float()
    if not picture.isfinite().all():
        raise WeightsNotFoundError(
            f"{model.checkpoint.folder}: its networks give NaN or infinite values",
            hint="try dtype=float32, or get the weights again",
        )
    return ((picture[0] + 1) / 2).clamp(0, 1).cpu()


def _scheduler(model: StableDiffusion) -> Any:
    with quiet():
        from diffusers import DDIMScheduler

        config = {key: value for key, value in model.schedule.items() if not key.startswith("_")}
        # Configs of other schedulers lack these two, whose defaults are not those of the models.
        defaults = {"set_alpha_to_one": False, "steps_offset": 1}
        return DDIMScheduler.from_config({**defaults, **config, "clip_sample": False})


def _conditioning(model: StableDiffusion, prompt: str) -> Conditioning:
    """The prompt as the U-Net reads it; that of the descriptor, if it is the same."""
    if prompt == model.prompt:
        return model.conditioning
    return encode_prompt(model.checkpoint, prompt).to(model.torch_device, model.torch_dtype)


def whole_network(model: StableDiffusion, part: Literal["unet", "vae"]) -> Any:
    """The U-Net or the autoencoder of a checkpoint with all of its blocks, as diffusers has it.

    Modules that the descriptor has loaded are part of it; only the others are read from the file.
    Raises `WeightsNotFoundError` for damaged weights.
    """
    kind, config, dtype, renames = "UNet2DConditionModel", model.unet_config, model.torch_dtype, {}
    if part == "vae":
        kind, config, renames = "AutoencoderKL", model.vae_config, RENAMES
        dtype = encoder_dtype(config, dtype)
    network = empty_module(kind, config, model.checkpoint.part_folder(part))
    loaded = vars(model).get(part)
    shared = [] if loaded is None else list(_common(network, loaded))
    for parent, name, _ in shared:
        parent.add_module(name, torch.nn.Identity())
    files, device = model.checkpoint.weights[part], model.torch_device
    load_weights(network, files, dtype=dtype, device=device, renames=renames)
    for parent, name, child in shared:
        parent.add_module(name, child)
    return network


def _common(module: torch.nn.Module, loaded: torch.nn.Module) -> Iterator[Shared]:
    """The largest parts of the module that another one of its kind has whole."""
    there = dict(loaded.named_children())
    for name, child in module.named_children():
        if name in there and child.state_dict().keys() == there[name].state_dict().keys():
            yield module, name, there[name]
        elif name in there:
            yield from _common(child, there[name])
