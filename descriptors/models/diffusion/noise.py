"""The noise that is added to the latent of an image, and how much of it a timestep holds."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ...errors import OptionError, WeightsNotFoundError
from ...settings import check_choice

Noise = Literal["gaussian", "resized"]
KINDS: tuple[Noise, ...] = get_args(Noise)

_DRAWN = (64, 64)


def check_noise(noise: Any, ensemble: int) -> Noise | npt.NDArray[np.float32]:
    """`noise` as one of the kinds, or as a float32 array (image, member, channel, row, column).

    Raises `OptionError` for anything else. An array of an ensemble of 1 may lack its axis.
    """
    if isinstance(noise, str):
        return check_choice("noise", noise, KINDS)
    if isinstance(noise, torch.Tensor):
        noise = noise.numpy(force=True)
    try:
        array = np.array(noise, dtype=np.float32)
    except (TypeError, ValueError):
        array = np.empty(0, np.float32)
    if array.ndim == 4 and ensemble == 1:
        array = array[:, None]
    if array.ndim != 5 or not array.size or array.shape[1] != ensemble:
        members = "" if ensemble == 1 else f"{ensemble}, "
        value = f"shape {np.shape(noise)}" if hasattr(noise, "shape") else repr(noise)
        raise OptionError(
            f"noise must be {' or '.join(KINDS)}, or an array "
            f"(images, {members}channels, rows, columns), not {value}"
        )
    if not np.isfinite(array).all():
        raise OptionError("noise holds NaN or infinite values")
    array.flags.writeable = False
    return array


def draw_noise(kind: Noise, members: int, shape: tuple[int, int, int], seed: int) -> torch.Tensor:
    """Noise for a latent of this `shape`: (member, channel, rows, columns), float32, on the CPU.

    `gaussian` is drawn at the size of the latent; `resized` at 64 x 64, and resized bicubically, as
    in the published features of "A Tale of Two Features": smooth, of less than unit variance. The
    first members don't depend on how many follow, nor the noise on the device or other images.
    """
    channels, rows, columns = shape
    generator = torch.Generator().manual_seed(seed)
    size = _DRAWN if kind == "resized" else (rows, columns)
    noise = torch.stack([torch.randn(channels, *size, generator=generator) for _ in range(members)])
    if size == (rows, columns):
        return noise
    return functional.interpolate(noise, (rows, columns), mode="bicubic", align_corners=False)


def signal_and_noise(config: Mapping[str, Any], timestep: int) -> tuple[float, float]:
    """The factors of latent and noise at a timestep: roots of alpha-bar and 1 - alpha-bar.

    Ho et al., "Denoising Diffusion Probabilistic Models", NeurIPS 2020, equation 4, whatever the
    model predicts. `config` is that of any scheduler of diffusers that it can be run with.
    """
    from diffusers import DDPMScheduler

    alpha_bar: torch.Tensor = DDPMScheduler.from_config(dict(config)).alphas_cumprod[timestep]
    if not 0 <= alpha_bar <= 1:
        raise WeightsNotFoundError(
            f"scheduler_config.json: its betas give no noise at timestep {timestep}"
        )
    return float(alpha_bar**0.5), float((1 - alpha_bar) ** 0.5)
