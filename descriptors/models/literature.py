"""Descriptors of the literature by name: the networks with the settings that were published."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..backbone import Backbone, Precision
from ..errors import OptionError, WeightsNotFoundError
from ..image.canvas import Fit
from ..settings import construct
from ..weights.find import missing_models
from .diffusion.noise import Noise
from .diffusion.stable_diffusion import Latent, StableDiffusion
from .fused import Fused
from .vit.dinov2 import DINOv2

PARTS: Mapping[str, type[Backbone]] = {"sd": StableDiffusion, "dinov2": DINOv2}
"""The parts of `tale_of_two_features`, by the options that hold their settings."""


def tale_of_two_features(
    *,
    sd: Mapping[str, Any] | None = None,
    dinov2: Mapping[str, Any] | None = None,
    weights: Sequence[float] = (0.5, 0.5),
    device: str = "auto",
    dtype: Precision = "auto",
) -> Fused:
    """Stable Diffusion and DINOv2 side by side: 768 + 768 channels at 60 x 60 cells by default.

    Zhang et al., "A Tale of Two Features: Stable Diffusion Complements DINO for Zero-Shot
    Semantic Correspondence", NeurIPS 2023, section 3.3: `Fused(StableDiffusion(), DINOv2())`.

    Args:
        sd, dinov2: Settings of the two parts by name, where they differ from the defaults; on the
            command line `--set sd.timestep=50`.
        weights: The weights of the two; equal in the paper (alpha = 0.5).
        device, dtype: As in `Backbone`, for both parts.

    Raises:
        WeightsNotFoundError: The weights of a part are not on this machine.
        OptionError: An option is unknown or out of range.
    """
    both = {"sd": sd, "dinov2": dinov2}
    for name, settings in both.items():
        if settings is not None and not isinstance(settings, Mapping):
            raise OptionError(
                f"{name} must be the settings of that part by name, not {settings!r}",
                hint=f"as in {name}={{'size': 420}}; on the command line {name}.size=420",
            )
    try:
        parts = [
            construct(PARTS[name], name, {"device": device, "dtype": dtype, **(settings or {})})
            for name, settings in both.items()
        ]
    except WeightsNotFoundError as error:
        missing = missing_models("fused")
        if len(missing) < 2 or any("model" in (settings or {}) for settings in both.values()):
            raise
        names = " and ".join(repr(model.name) for model in missing)
        size = sum(model.size for model in missing) / 1e9
        raise WeightsNotFoundError(
            f"the weights of {names} are not on this machine",
            hint=f"get them with: descr models pull fused ({size:.1f} GB)",
        ) from error
    return Fused(*parts, weights=weights)


class DIFT(StableDiffusion):
    """One layer of Stable Diffusion 2.1 over 8 samples: 1280 channels at 48 x 48 cells.

    Tang et al., "Emergent Correspondence from Image Diffusion", NeurIPS 2023, section 4 and
    appendix: the semantic setting, in one pass over the whole canvas.

    Args:
        category: What the image shows: the prompt is then "a photo of a {category}", as in the
            paper; empty without it.
        model, variant, size, fit, timestep, layers, latent, ensemble, seed, noise, device, dtype:
            As in `StableDiffusion`.

    Raises:
        WeightsNotFoundError, OptionError: As `StableDiffusion` does.
    """

    def __init__(
        self,
        *,
        category: str = "",
        model: str = "sd-2.1",
        variant: str | None = None,
        size: int = 768,
        fit: Fit = "stretch",
        timestep: int = 261,
        layers: Sequence[str] = ("up_1",),
        latent: Latent = "sample",
        ensemble: int = 8,
        seed: int = 42,
        noise: Noise = "gaussian",
        device: str = "auto",
        dtype: Precision = "auto",
    ) -> None:
        if not isinstance(category, str):
            raise OptionError(f"category must be text, not {category!r}")
        self.category = category
        prompt = f"a photo of a {category}" if category else ""
        options: dict[str, Any] = {"model": model, "variant": variant, "size": size, "fit": fit}
        options |= {"timestep": timestep, "layers": layers, "latent": latent, "ensemble": ensemble}
        options |= {"seed": seed, "noise": noise, "device": device, "dtype": dtype}
        super().__init__(**options, prompt=prompt, window=None, components=None)
