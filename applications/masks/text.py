"""Masks of what a text names, as CLIPSeg sees it.

Lüddecke and Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import torch
import xarray as xr
from scipy.special import expit

from ...descriptors import Image
from ...descriptors.errors import ImageError, OptionError, WeightsNotFoundError
from ...descriptors.models.diffusion.prompt import read_tokens
from ...descriptors.runtime.devices import find_device
from ...descriptors.runtime.loading import load_transformer
from ...descriptors.settings import check_float
from ...descriptors.weights import Checkpoint, find_weights
from ...descriptors.weights.configs import read_config
from .base import Mask, Segmenter

SIDE = 352  # height and width that every picture is stretched to, in pixels
_KIND = "CLIPSegForImageSegmentation"
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class TextPrompt(Segmenter):
    """What a text names, as CLIPSeg sees it.

    The image is stretched to 352 x 352 pixels and cut into 22 x 22 patches: the edge of a mask is
    coarse.
    Raises `WeightsNotFoundError` if the weights are not on this machine, or the folder is not one
    of CLIPSeg; `OptionError` if an option is out of range.

    Args:
        text: What to look for, in a few English words: "cat", "a red car". One text for all images,
            or one for each, as in `("cat", "dog")`.
        model: `clipseg`, or the path of a transformers folder of CLIPSeg with safetensors.
        threshold: How likely a pixel must show it, above 0 and at most 1: a lower one finds more.
        device: Where it runs: `auto` (CUDA, then MPS, then the CPU), or a torch device.
    """

    needs_pixels = True

    def __init__(
        self,
        text: str | Sequence[str],
        *,
        model: str = "clipseg",
        threshold: float = 0.4,
        device: str = "auto",
    ) -> None:
        texts = (text,) if isinstance(text, str) else tuple(text)
        if not texts or not all(isinstance(one, str) and one.strip() for one in texts):
            raise OptionError(f"text must say what to look for, not {text!r}")
        self.text = text if isinstance(text, str) else texts
        self.threshold = check_float(
            "threshold", threshold, minimum=0, maximum=1, open_minimum=True
        )
        self.checkpoint = find_weights(model, "clipseg")
        self.model = os.fspath(model)
        self.device = device
        self.torch_device = find_device(device)

    @cached_property
    def network(self) -> Any:
        """The module of transformers in float32; loaded when it is first needed.

        Raises `WeightsNotFoundError` for damaged weights, and for a config that is not CLIPSeg's.
        """
        path, files = self.checkpoint.folder / "config.json", self.checkpoint.weights[""]
        model = load_transformer(_KIND, path, files, device=self.torch_device)
        config, side = model.config, model.config.vision_config.patch_size
        if max(config.extract_layers) >= config.vision_config.num_hidden_layers:
            raise WeightsNotFoundError(f"{path}: extract_layers names layers that there aren't")
        if SIDE % side or (config.use_complex_transposed_convolution and side != 16):
            raise WeightsNotFoundError(f"{path}: patches of {side} pixels don't fill {SIDE}")
        return model

    def segment(
        self, images: Sequence[Image] | None, maps: Sequence[xr.DataArray] | None
    ) -> list[Mask]:
        """The pixels that are likely enough; see `Segmenter.segment`.

        Raises `ImageError` if none is, with how likely the best place is; `OptionError` if a text
        is longer than the model takes, or there are more or fewer texts than images.
        """
        images = images or ()
        texts = (self.text,) * len(images) if isinstance(self.text, str) else self.text
        if len(texts) != len(images):
            raise OptionError(
                f"{len(texts)} texts for {len(images)} images",
                hint="give one text for all images, or one for each",
            )
        tokens = {text: read_text(self.checkpoint, text) for text in texts}
        masks = []
        for image, text in zip(images, texts, strict=True):
            likely = probabilities(self.network, tokens[text], image.pixels)
            if np.isnan(likely).any():
                raise WeightsNotFoundError(
                    f"{self.checkpoint.folder}: its network gives NaN", hint="get the weights again"
                )
            masks.append(np.asarray(likely >= self.threshold))
            if not masks[-1].any():
                raise ImageError(
                    f"the text {text!r} finds nothing in {image.name}: the best place fits it to "
                    f"{likely.max():.2f}, and the threshold is {self.threshold:g}",
                    hint="say it in other words, or lower the threshold",
                )
        return masks


def read_text(checkpoint: Checkpoint, text: str) -> torch.Tensor:
    """The tokens of a text, int64 (1, token).

    Raises `OptionError` for a text longer than the model takes, `WeightsNotFoundError` for a
    vocabulary that can't be read.
    """
    config = read_config(checkpoint.folder / "config.json", _KIND)
    encoder = config.get("text_config") or {}
    return read_tokens(checkpoint.folder, text, "the text", encoder, padding=False)


def probabilities(
    model: Any, tokens: torch.Tensor, pixels: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """How likely each pixel shows what the text says: float32 (height, width), 0 to 1.

    `tokens` is int64 (1, token), `pixels` uint8 (height, width, 3).
    """
    device = model.device
    with torch.no_grad():
        output = model(input_ids=tokens.to(device), pixel_values=prepare(pixels).to(device))
        logits = output.logits.reshape(SIDE, SIDE).float().cpu().numpy()
    height, width = pixels.shape[:2]
    # Resampled before the sigmoid, which is steep where the border runs.
    logits = cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(expit(logits))


def prepare(pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
    """What the network sees of an image: float32 (1, 3, 352, 352).

    The image is stretched to the square, bilinearly with the antialiasing of Pillow, and brought
    to ImageNet's mean and deviation: what the `preprocessor_config.json` of the weights asks for.
    """
    square = PIL.Image.fromarray(pixels).resize((SIDE, SIDE), PIL.Image.Resampling.BILINEAR)
    values = torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255
    mean, deviation = (values.new_tensor(one)[:, None, None] for one in (_MEAN, _DEVIATION))
    return ((values - mean) / deviation)[None]
