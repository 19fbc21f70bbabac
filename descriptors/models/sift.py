"""Dense upright SIFT: the descriptor that needs no weights."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ..backbone import Backbone
from ..errors import OptionError
from ..image.canvas import Fit
from ..layer import Layer
from ..settings import check_float, check_int

# OpenCV's SIFT spans a spatial bin over 3 sigma (Lowe 2004, section 6.1) with sigma half the
# keypoint's size.
_BIN_PER_SIZE = 1.5
_PER_CELL = 2200  # bytes that a cell takes: its keypoint, and its histogram four times in float32


class SIFT(Backbone):
    """Dense upright SIFT on a grid, RootSIFT-normalised: 128 channels per scale.

    Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004, section 6, on
    the fixed grid and without orientation as in SIFT Flow (Liu et al., ECCV 2008); the square
    root of the L1-normalised histogram as in RootSIFT (Arandjelovic and Zisserman, CVPR 2012,
    section 3). Computed by OpenCV. Cells whose descriptor leaves the image see its reflection
    there, with any `fit`.

    Args:
        step: Distance between neighbouring cells, in canvas pixels.
        cell: Side of one of the 4 x 4 spatial bins at scale 1, in canvas pixels: a descriptor sees
            4 * cell pixels, and half a cell more on every side with less weight.
        scales: Factors on `cell`, each of which gives a layer `scale_<factor>` of 128 channels.
        size, fit: As in `Backbone`. The work is done on the CPU.

    Raises:
        OptionError: An option is out of range.
    """

    source = "sift"
    default_layers = ("scale_1",)
    model = "opencv-sift"
    revision = "2"

    def __init__(
        self,
        *,
        step: int = 8,
        cell: float = 8,
        scales: Sequence[float] = (1.0,),
        size: int = 768,
        fit: Fit = "aspect",
    ) -> None:
        super().__init__(size=size, fit=fit, device="cpu", dtype="float32")
        self.step = check_int("step", step, minimum=1)
        self.cell = check_float("cell", cell, minimum=1)
        self.scales = _check_scales(scales)
        self.layers = [Layer(f"scale_{scale:g}", step) for scale in self.scales]
        # Two and a half bins from the centre, since a pixel counts for both bins that it lies
        # between; 1 pixel for the gradient and 6 for the blur before it. An even number, since
        # OpenCV rounds the half pixels of centres to even ones.
        self.margin = 2 * math.ceil(1.25 * self.cell * max(self.scales)) + 8
        self.check_size()

    def working_memory(self, height: int, width: int) -> int:
        """See `Backbone.working_memory`: the keypoints and histograms of one scale at a time."""
        cells = (height // self.step) * (width // self.step)
        earlier = 4 * 128 * (len(self.scales) - 1)
        return super().working_memory(height, width) + cells * (_PER_CELL + earlier)

    def forward(self, pixels: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """RootSIFT at every cell: (batch, 128, rows, columns) per scale; see `Backbone.forward`."""
        pictures = (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        greys = [cv2.cvtColor(np.ascontiguousarray(p), cv2.COLOR_RGB2GRAY) for p in pictures]
        layers = {}
        for layer, scale in zip(self.layers, self.scales, strict=True):
            maps = [self._describe(grey, scale * self.cell) for grey in greys]
            layers[layer.name] = torch.from_numpy(np.stack(maps))
        return layers

    def _describe(self, grey: npt.NDArray[Any], cell: float) -> npt.NDArray[np.float32]:
        """RootSIFT (128, rows, columns) of a grey picture with spatial bins of this side."""
        rows, columns = ((side - 2 * self.margin) // self.step for side in grey.shape)
        centre = self.margin + (self.step - 1) / 2
        size, places = cell / _BIN_PER_SIZE, np.ndindex(rows, columns)
        keypoints = [
            cv2.KeyPoint(column * self.step + centre, row * self.step + centre, size, 0)
            for row, column in places
        ]
        _, histograms = cv2.SIFT.create().compute(grey, keypoints)
        # The histogram of a flat patch is empty: a trace in every bin gives it a direction, and
        # changes the others by less than their rounding to 8 bits.
        even = histograms + np.float32(1e-3)
        root = np.sqrt(even / even.sum(axis=1, keepdims=True))
        return np.ascontiguousarray(root.T.reshape(128, rows, columns), dtype=np.float32)


def _check_scales(scales: Any) -> tuple[float, ...]:
    if isinstance(scales, (int, float)):
        scales = (scales,)
    if isinstance(scales, (str, bytes)) or not isinstance(scales, Sequence) or not scales:
        raise OptionError(f"scales must be a list of positive numbers, not {scales!r}")
    factors = tuple(check_float("scales", scale, minimum=0, open_minimum=True) for scale in scales)
    if len({f"{scale:g}" for scale in factors}) < len(factors):
        raise OptionError(f"scales holds a number twice: {scales!r}")
    return factors
