"""Convolutions in half precision on processors that have none."""

import torch
from torch.nn import functional

from .precision import convolves_natively

_STRIP = 1 << 24
"""Numbers of the input that are held in float32 at once."""


class StripConv2d(torch.nn.Conv2d):
    """A convolution of half-precision features that is computed in float32, strip by strip.

    Without instructions for it, torch convolves in bfloat16 hundreds of times slower than in
    float32. Weights and features stay as they are; a strip of rows at a time is converted, so
    that memory is still half of what float32 takes. Each sum is rounded once, at the end.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Conv2d.forward`, on (batch, channel, rows, columns)."""
        (size, _), (stride, _) = self.kernel_size, self.stride
        (down, across) = self.padding if isinstance(self.padding, tuple) else (0, 0)
        weight = self.weight.float()
        bias = None if self.bias is None else self.bias.float()
        rows = (input.shape[2] + 2 * down - size) // stride + 1
        step = max(1, _STRIP // (stride * input[:, :, 0].numel()))
        strips = []
        for first in range(0, rows, step):
            top = first * stride - down
            bottom = (min(rows, first + step) - 1) * stride - down + size
            strip = input[:, :, max(0, top) : bottom].float()
            above, below = max(0, -top), max(0, bottom - input.shape[2])
            if above or below:
                strip = functional.pad(strip, (0, 0, above, below))
            strips.append(
                functional.conv2d(strip, weight, bias, self.stride, (0, across)).to(input.dtype)
            )
        return strips[0] if len(strips) == 1 else torch.cat(strips, dim=2)


def speed_up(module: torch.nn.Module, dtype: torch.dtype, device: torch.device) -> None:
    """Make the convolutions of a module strips where the CPU has none in this precision."""
    if device.type != "cpu" or convolves_natively(dtype):
        return
    for part in module.modules():
        if (
            type(part) is torch.nn.Conv2d
            and part.groups == 1
            and part.dilation == (1, 1)
            and part.padding_mode == "zeros"
            and isinstance(part.padding, tuple)
            and part.padding[0] < part.kernel_size[0]
        ):
            part.__class__ = StripConv2d
