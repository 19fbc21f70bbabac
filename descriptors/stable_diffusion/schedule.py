"""How much of the latent and how much noise a timestep holds."""

from collections.abc import Mapping
from typing import Any

import torch

_BETAS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)


def signal_and_noise(config: Mapping[str, Any], timestep: int) -> tuple[float, float]:
    """The factors of latent and noise at a timestep: roots of alpha-bar and 1 - alpha-bar.

    Ho et al., "Denoising Diffusion Probabilistic Models", NeurIPS 2020, equation 4. Whether the
    model was trained to predict the noise or the velocity makes no difference to it.

    `config` is that of any of diffusers' schedulers that the model can be run with.
    """
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(**{key: config[key] for key in _BETAS if key in config})
    kept: torch.Tensor = scheduler.alphas_cumprod[timestep]
    return float(kept**0.5), float((1 - kept) ** 0.5)
