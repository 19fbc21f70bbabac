"""Stable Diffusion over a swapped instance: seams and textures redrawn."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ...descriptors import Descriptor
from ...descriptors.backbone import Precision
from ...descriptors.errors import OptionError
from ...descriptors.models.diffusion.stable_diffusion import StableDiffusion
from ...descriptors.runtime.memory import memory_errors
from ...descriptors.settings import Configurable, check_choice, check_float, check_int
from ...descriptors.weights import find_weights
from ..pictures import resize_photograph
from ..resolution import window
from .blending import blend_into
from .denoising import redraw, whole_network

Mode = Literal["inpaint", "img2img"]

_LARGEST_SEED = 2**63 - 1
_MARGIN = 0.25
"""How much of its surroundings the model sees, as a share of the instance's longer side."""

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Refinement(Configurable):
    """How a swapped instance is redrawn with Stable Diffusion.

    Raises `OptionError` if a setting is out of range.

    Args:
        strength: How much is redrawn, from 0 to 1: little changes the texture, much also the shape.
            At 0 only the model's autoencoder sees the picture.
        steps: Of the denoiser from pure noise to a picture; the share `strength` of them is taken.
        prompt: What the picture is to show, as in "a photo of a cat"; empty for none.
        seed: Of the noise: the same one gives the same picture.
        mode: `inpaint` holds what is outside the mask to the picture in each step, so that the
            redrawn part continues it; `img2img` redraws all, and takes the part in the mask.
        guidance: How much the prompt counts.
        size: The side in pixels of a square of the area that the instance with its surroundings is
            scaled to; None for what the model was trained on.
        model: `sd-1.5`, `sd-2.1`, ..., or a folder; None for the one that the descriptor uses, or
            `sd-1.5` if it uses none.
        device, dtype: As in `StableDiffusion`; where its networks are shared, the descriptor's.
    """

    def __init__(
        self,
        *,
        strength: float = 0.4,
        steps: int = 30,
        prompt: str = "",
        seed: int = 42,
        mode: Mode = "inpaint",
        guidance: float = 7.5,
        size: int | None = None,
        model: str | None = None,
        device: str = "auto",
        dtype: Precision = "auto",
    ) -> None:
        self.strength = check_float("strength", strength, minimum=0, maximum=1)
        self.steps = check_int("steps", steps, minimum=1, maximum=1000)
        if not isinstance(prompt, str):
            raise OptionError(f"prompt must be text, not {prompt!r}")
        self.prompt = prompt
        self.seed = check_int("seed", seed, minimum=0, maximum=_LARGEST_SEED)
        self.mode: Mode = check_choice("mode", mode, get_args(Mode))
        self.guidance = check_float("guidance", guidance, minimum=1, maximum=100)
        self.size = None if size is None else check_int("size", size, minimum=64, maximum=4096)
        self.model = model
        self.device = device
        self.dtype: Precision = check_choice("dtype", dtype, get_args(Precision))

    def prepare(self, descriptor: Descriptor | None = None) -> "Refiner":
        """What refines with these settings; it shares the networks that the descriptor loads.

        Loads nothing yet. Raises `WeightsNotFoundError` if the weights are not on this machine.
        """
        models = _stable_diffusion_in(descriptor)
        if self.model is not None or not models:
            name = "sd-1.5" if self.model is None else self.model
            revision = find_weights(name, "stable_diffusion").revision
            models = [one for one in models if one.revision == revision] or [
                StableDiffusion(model=name, layers="up_0", device=self.device, dtype=self.dtype)
            ]
        return Refiner(self, models[0])


@dataclass(frozen=True, eq=False)
class Refiner:
    """Redraws what lies in a mask; what the model has not loaded is loaded at the first call."""

    settings: Refinement
    model: StableDiffusion

    @cached_property
    def networks(self) -> tuple[Any, Any]:
        """The whole U-Net and the whole autoencoder."""
        return whole_network(self.model, "unet"), whole_network(self.model, "vae")

    def __call__(self, picture: Picture, mask: Mask) -> Picture:
        """The picture, uint8 (y, x, rgb), redrawn in the mask; outside it stays as it is."""
        margin = round(_MARGIN * max(side.stop - side.start for side in window(mask)))
        view = window(mask, margin)
        part = picture[view]
        width, height = self._canvas(part.shape[1], part.shape[0])
        canvas = torch.from_numpy(resize_photograph(part, height, width))
        keep = None
        if self.settings.mode == "inpaint":
            keep = torch.from_numpy(~self._latent_mask(mask[view], width, height))
        with memory_errors("the refinement", self.model.torch_device):
            unet, vae = self.networks
            pixels = canvas.permute(2, 0, 1).float() / 255
            redrawn = redraw(pixels, self.settings, model=self.model, unet=unet, vae=vae, keep=keep)
        colors = (redrawn.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        refined = picture.copy()
        refined[view] = resize_photograph(colors, *part.shape[:2])
        return blend_into(picture, refined, mask, blend="feather")

    def _canvas(self, width: int, height: int) -> tuple[int, int]:
        """The size that the model works at: the area is its own, the shape that of the part."""
        size = self.settings.size
        if size is None:
            side = self.model.unet_config.get("sample_size")
            size = (side if isinstance(side, int) else 64) * self.model.factor
        multiple = self.model.multiple
        scale = size / (width * height) ** 0.5
        columns, rows = (max(1, round(side * scale / multiple)) for side in (width, height))
        return columns * multiple, rows * multiple

    def _latent_mask(self, mask: Mask, width: int, height: int) -> Mask:
        """The cells of the latent that hold anything of the mask."""
        cells = width // self.model.factor, height // self.model.factor
        share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.resize(share, cells, interpolation=cv2.INTER_AREA) > 0)


def _stable_diffusion_in(descriptor: Descriptor | None) -> list[StableDiffusion]:
    """The Stable Diffusion descriptors among a descriptor and its parts."""
    if isinstance(descriptor, StableDiffusion):
        return [descriptor]
    return [one for part in getattr(descriptor, "parts", ()) for one in _stable_diffusion_in(part)]
