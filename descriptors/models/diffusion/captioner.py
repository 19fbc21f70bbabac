"""The implicit captioner: what the denoiser is told to see, read off the image itself.

Xu et al., "Open-Vocabulary Panoptic Segmentation with Text-to-Image Diffusion Models" (ODISE),
CVPR 2023, section 3.3; the features of "A Tale of Two Features" are made with it.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch.nn import functional

from ...errors import OptionError
from ...runtime.loading import load_tensors, load_transformer
from ...runtime.memory import fitting, in_batches
from ...weights import Checkpoint
from ...weights.captioner import TENSORS
from .prompt import Conditioning

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_COPIES = 20  # arrays as large as the tokens that are alive at once in a block of CLIP


class Captioner:
    """What conditions the denoiser on an image, in float32 whatever the U-Net runs in.

    With e the embedding of an image by CLIP (projected, of its own length), the states of the
    empty prompt get tanh(alpha_cond) * (W e + b + p), with one p for each token, and the
    timestep's embedding gets the like of weights of its own.

    `unet` is the config of the U-Net, for which `OptionError` is raised if the weights are of
    another; with `antialias` images are smoothed before CLIP's size is sampled from them.
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        checkpoint: Checkpoint,
        unet: Mapping[str, Any],
        *,
        antialias: bool,
        device: torch.device,
    ) -> None:
        self.checkpoint = checkpoint
        self.antialias = antialias
        self.device = device
        self.tensors = load_tensors(checkpoint.weights["captioner"][0], TENSORS, device=device)
        names = "clip_project", "time_embed_project"
        widths = [len(self.tensors[f"{name}.linear.weight"]) for name in names]
        if widths != [unet["cross_attention_dim"], 4 * unet["block_out_channels"][0]]:
            raise OptionError(
                f"the captioner in {checkpoint.folder} is of another U-Net than the model's",
                hint="the published one is for Stable Diffusion 1.x",
            )

    @cached_property
    @torch.inference_mode(False)
    def image_encoder(self) -> Any:
        """CLIP's image encoder; loaded when it is first needed."""
        path = self.checkpoint.part_folder("image_encoder") / "config.json"
        files = self.checkpoint.weights["image_encoder"]
        return load_transformer("CLIPVisionModelWithProjection", path, files, device=self.device)

    def __call__(self, pixels: torch.Tensor, text: Conditioning, *, prompted: bool) -> Conditioning:
        """The conditioning of images (batch, 3, height, width), float32 in [0, 1].

        Where the text is `prompted`, and not that of the empty prompt, its states stay as they are.
        """
        embeddings = self.embed(pixels)
        states = text.states
        if not prompted:
            if states.shape[1] != self.tensors["alpha_cond"].shape[1]:
                raise OptionError("the captioner is for prompts of another length")
            states = states + self._projected("clip_project", "alpha_cond", embeddings)
        shift = self._projected("time_embed_project", "alpha_cond_time_embed", embeddings)
        return replace(text, states=states, time_shift=shift[:, 0])

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """CLIP's embeddings (batch, channel) of images (batch, 3, height, width) in [0, 1]."""
        config = self.image_encoder.config
        side = config.image_size
        mean, deviation = pixels.new_tensor((_MEAN, _DEVIATION))[..., None, None]

        def run(part: slice) -> torch.Tensor:
            images = _centre(pixels[part], side, antialias=self.antialias)
            embeddings: torch.Tensor = self.image_encoder((images - mean) / deviation).image_embeds
            return embeddings

        tokens = (side // config.patch_size) ** 2
        item = tokens * config.hidden_size * _COPIES * torch.float32.itemsize
        parts = in_batches(run, len(pixels), fitting(item, self.device))
        return torch.cat([embeddings for _, embeddings in parts])

    def _projected(self, name: str, gate: str, embeddings: torch.Tensor) -> torch.Tensor:
        """(batch, token, channel): what is added, by the tensors of this name."""
        weight, bias, places = (
            self.tensors[f"{name}.{part}"]
            for part in ("linear.weight", "linear.bias", "positional_embedding")
        )
        shifts = functional.linear(embeddings, weight, bias)[:, None] + places
        return torch.tanh(self.tensors[gate]) * shifts


def _centre(images: torch.Tensor, side: int, *, antialias: bool) -> torch.Tensor:
    """The squares at the centre of images, resized bicubically to a short side of this length."""
    short = min(images.shape[2:])
    size = [side * length // short for length in images.shape[2:]]
    resized = functional.interpolate(images, size, mode="bicubic", antialias=antialias)
    top, left = (round((length - side) / 2) for length in size)
    return resized[:, :, top : top + side, left : left + side]
