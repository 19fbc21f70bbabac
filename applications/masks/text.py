"""Masks of what a text names."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xarray as xr

from ...descriptors import Image
from ...descriptors.errors import ImageError, OptionError, WeightsNotFoundError
from ...descriptors.runtime.devices import find_device
from ...descriptors.settings import check_float
from ...descriptors.weights import find_weights
from .base import Mask, Segmenter


class TextPrompt(Segmenter):
    """What a text names, as CLIPSeg sees it.

    Lüddecke and Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022. The image
    is stretched to 352 x 352 pixels and cut into 22 x 22 patches: the edge of a mask is coarse.

    Parameters
    ----------
    text:
        What to look for, in a few English words: "cat", "a red car". One text for all images, or
        one for each, as in `("cat", "dog")`.
    model:
        `clipseg`, or the path of a transformers folder of CLIPSeg with safetensors.
    threshold:
        How likely a pixel must show it, above 0 and at most 1: a lower one finds more.
    device:
        Where it runs: `auto` (CUDA, then MPS, then the CPU), or a torch device.

    Raises
    ------
    WeightsNotFoundError
        The weights are not on this machine, or the folder is not one of CLIPSeg.
    OptionError
        An option is out of range.
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
        """The module of transformers; loaded when it is first needed."""
        from .clipseg import load_network

        return load_network(self.checkpoint, self.torch_device)

    def segment(
        self, images: Sequence[Image] | None, maps: Sequence[xr.DataArray] | None
    ) -> list[Mask]:
        """The pixels that are likely enough; see `Segmenter.segment`.

        Raises
        ------
        ImageError
            Nothing in one of the images is likely enough; says how likely the best place is.
        OptionError
            A text is longer than the model takes, or there are more or fewer texts than images.
        """
        from .clipseg import read_text

        images = images or ()
        texts = (self.text,) * len(images) if isinstance(self.text, str) else self.text
        if len(texts) != len(images):
            raise OptionError(
                f"{len(texts)} texts for {len(images)} images",
                hint="give one text for all images, or one for each",
            )
        tokens = {text: read_text(self.checkpoint, text) for text in texts}
        return [
            self._find(image, text, tokens[text]) for image, text in zip(images, texts, strict=True)
        ]

    def _find(self, image: Image, text: str, tokens: torch.Tensor) -> Mask:
        from .clipseg import probabilities

        likely = probabilities(self.network, tokens, image.pixels)
        if np.isnan(likely).any():
            raise WeightsNotFoundError(
                f"{self.checkpoint.folder}: its network gives NaN", hint="get the weights again"
            )
        mask = np.asarray(likely >= self.threshold)
        if not mask.any():
            raise ImageError(
                f"the text {text!r} finds nothing in {image.name}: the best place fits it to "
                f"{likely.max():.2f}, and the threshold is {self.threshold:g}",
                hint="say it in other words, or lower the threshold",
            )
        return mask
