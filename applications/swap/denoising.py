"""A picture redrawn by Stable Diffusion, as a whole or inside a mask."""

from typing import Any

import torch

from ...descriptors.errors import WeightsNotFoundError
from ...descriptors.models.diffusion.latent import encode
from ...descriptors.models.diffusion.noise import draw_noise
from ...descriptors.models.diffusion.prompt import Conditioning, encode_prompt
from ...descriptors.models.diffusion.stable_diffusion import StableDiffusion
from ...descriptors.models.diffusion.unet import size_conditioning
from ...descriptors.runtime.quiet import quiet
from ...descriptors.settings import check_int


def redraw(
    pixels: torch.Tensor,
    *,
    model: StableDiffusion,
    unet: Any,
    vae: Any,
    prompt: str,
    strength: float,
    steps: int,
    guidance: float,
    seed: int,
    keep: torch.Tensor | None = None,
) -> torch.Tensor:
    """The picture (3, height, width), float32 in [0, 1], after noise was added and removed.

    Image-to-image by Meng et al., "SDEdit" (ICLR 2022), in the latent space of the model, with the
    deterministic steps of DDIM (Song et al., ICLR 2021, eta = 0) and classifier-free guidance (Ho
    and Salimans, 2022).

    Raises `WeightsNotFoundError` if damaged weights, or too low a precision, give no numbers, and
    `OptionError` for more steps than the model was trained with.

    Parameters
    ----------
    pixels:
        (3, height, width), float32 in [0, 1]; sides are multiples of the model's.
    model, unet, vae:
        Which model, and its networks.
    prompt:
        What the picture is to show; without one there is no guidance.
    strength:
        The share of the steps that is taken: 0 gives what the VAE makes of the picture.
    steps:
        From pure noise to a picture.
    guidance:
        How much the prompt counts.
    seed:
        Of the noise, which is drawn on the CPU.
    keep:
        bool (rows, columns), cells of the latent that follow the picture in each step (Avrahami
        et al., "Blended Latent Diffusion", SIGGRAPH 2023).
    """
    device, dtype = model.torch_device, model.torch_dtype
    scheduler = _scheduler(model)
    count = scheduler.config.num_train_timesteps
    scheduler.set_timesteps(check_int("steps", steps, minimum=1, maximum=count))
    taken = round(strength * steps)
    # The first of as many steps as the model was trained with is beyond its last, by the offset.
    timesteps = scheduler.timesteps[steps - taken :].clamp(max=count - 1)
    with torch.no_grad():
        clean = encode(vae, pixels[None].to(device))
        _, channels, rows, columns = clean.shape
        noise = draw_noise("gaussian", 1, (channels, rows, columns), seed).to(device)
        latents = clean
        if taken:
            latents = scheduler.add_noise(clean, noise, timesteps[:1])
        size = pixels.shape[1], pixels.shape[2]
        texts = [_conditioning(model, prompt)] if taken else []
        if prompt and taken and guidance != 1:
            texts.append(_conditioning(model, ""))
        for index, timestep in enumerate(timesteps):
            said = [
                unet(
                    latents.to(dtype),
                    timestep,
                    encoder_hidden_states=text.states,
                    added_cond_kwargs=size_conditioning(text, 1, size),
                ).sample.float()
                for text in texts
            ]
            found = said[0] if len(said) == 1 else said[1] + guidance * (said[0] - said[1])
            latents = scheduler.step(found, timestep, latents, eta=0.0).prev_sample
            if keep is not None:
                later = timesteps[index + 1 : index + 2]
                known = scheduler.add_noise(clean, noise, later) if len(later) else clean
                latents = torch.where(keep.to(device), known, latents)
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

        kept = {key: value for key, value in model.schedule.items() if not key.startswith("_")}
        # Configs of other schedulers lack these two, whose defaults are not those of the models.
        kept = {"set_alpha_to_one": False, "steps_offset": 1, **kept, "clip_sample": False}
        return DDIMScheduler.from_config(kept)


def _conditioning(model: StableDiffusion, prompt: str) -> Conditioning:
    """The prompt as the U-Net reads it; that of the descriptor, if it is the same."""
    if prompt == model.prompt:
        return model.conditioning
    found = encode_prompt(model.checkpoint, prompt)
    return found.to(model.torch_device, model.torch_dtype)
