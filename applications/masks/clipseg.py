"""CLIPSeg: how well each place of an image fits a text.

Lüddecke and Ecker, "Image Segmentation Using Text and Image Prompts", CVPR 2022.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit

from ...descriptors.errors import WeightsNotFoundError
from ...descriptors.models.diffusion.prompt import read_tokens
from ...descriptors.runtime.loading import load_transformer
from ...descriptors.weights import Checkpoint
from ...descriptors.weights.configs import read_config

SIDE = 352
"""Height and width that every picture is stretched to, in pixels."""
_KIND = "CLIPSegForImageSegmentation"
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


def load_network(checkpoint: Checkpoint, device: torch.device) -> Any:
    """The model of transformers in float32 on this device.

    Raises `WeightsNotFoundError` for damaged weights, and for a config that is not CLIPSeg's.
    """
    path = checkpoint.folder / "config.json"
    model = load_transformer(_KIND, path, checkpoint.weights[""], device=device)
    config, vision = model.config, model.config.vision_config
    if max(config.extract_layers) >= vision.num_hidden_layers:
        raise WeightsNotFoundError(f"{path}: extract_layers names layers that there aren't")
    if SIDE % vision.patch_size or (
        config.use_complex_transposed_convolution and vision.patch_size != 16
    ):
        raise WeightsNotFoundError(
            f"{path}: patches of {vision.patch_size} pixels don't fill {SIDE}"
        )
    return model


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

    The model and the tokens are what `load_network` and `read_text` gave; `pixels` are those of
    the image, uint8 (height, width, 3).
    """
    device = model.device
    with torch.no_grad():
        found = model(input_ids=tokens.to(device), pixel_values=prepare(pixels).to(device))
        logits = found.logits.reshape(SIDE, SIDE).float().cpu().numpy()
    height, width = pixels.shape[:2]
    # Resampled before the sigmoid, which is steep where the border runs.
    logits = cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(expit(logits))


def prepare(pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
    """What the network sees of an image: float32 (1, 3, 352, 352).

    The image is stretched to the square, bilinearly with the antialiasing of Pillow, and brought
    to ImageNet's mean and deviation: what the `preprocessor_config.json` of the weights asks for.
    """
    import PIL.Image

    square = PIL.Image.fromarray(pixels).resize((SIDE, SIDE), PIL.Image.Resampling.BILINEAR)
    values = torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255
    mean, deviation = (values.new_tensor(one)[:, None, None] for one in (_MEAN, _DEVIATION))
    return ((values - mean) / deviation)[None]
