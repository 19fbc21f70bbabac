"""Layers in half precision on processors that have no instructions for it."""

import torch
from torch.nn import functional

from .convolution import convolved_strips
from .precision import computes_natively

_ROWS = 1 << 21
"""Numbers of the output of a linear layer that are held in float32 at once."""


class StripConv2d(torch.nn.Conv2d):
    """A convolution of half-precision features that is computed in float32, in strips of rows.

    Weights and features stay as they are; each sum is rounded once, at the end.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Conv2d.forward`, on (batch, channel, rows, columns)."""
        strips = [strip.to(input.dtype) for _, strip in convolved_strips(input, self)]
        return strips[0] if len(strips) == 1 else torch.cat(strips, dim=2)


class StripLinear(torch.nn.Linear):
    """A linear layer of half-precision features that is computed in float32, some rows at a time.

    Weights and features stay as they are; each sum is rounded once, at the end.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Linear.forward`, on (..., channel)."""
        weight = self.weight.float()
        bias = None if self.bias is None else self.bias.float()
        rows = input.reshape(-1, self.in_features)
        result = rows.new_empty(len(rows), self.out_features)
        step = max(1, _ROWS // self.out_features)
        for first in range(0, len(rows), step):
            part = slice(first, first + step)
            result[part] = functional.linear(rows[part].float(), weight, bias)
        return result.reshape(*input.shape[:-1], self.out_features)


def speed_up(module: torch.nn.Module, dtype: torch.dtype, device: torch.device) -> None:
    """Compute the layers of a module in float32 where the CPU can't compute in this precision.

    Torch can, but many times slower than in float32: hundreds of times for convolutions. The
    weights keep their precision, and the features between the layers theirs.
    """
    if device.type != "cpu" or computes_natively(dtype):
        return
    for part in module.modules():
        if type(part) is torch.nn.Linear:
            part.__class__ = StripLinear
        elif type(part) is torch.nn.Conv2d and _can_be_strips(part):
            part.__class__ = StripConv2d


def _can_be_strips(layer: torch.nn.Conv2d) -> bool:
    return (
        layer.groups == 1
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and layer.padding[0] < layer.kernel_size[0]
    )
