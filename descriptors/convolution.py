"""Convolutions a strip of rows at a time: little memory, and half precision on any processor."""

from collections.abc import Callable, Iterator

import torch
from torch.nn import functional

from .precision import convolves_natively

_STRIP = 1 << 21
"""Numbers of the input that are worked on at once: a few MB, which stay in the cache."""


def convolved_strips(
    features: torch.Tensor,
    layer: torch.nn.Conv2d,
    *,
    prepare: Callable[[torch.Tensor], torch.Tensor] | None = None,
    margins: tuple[int, int, int, int] | None = None,
) -> Iterator[tuple[slice, torch.Tensor]]:
    """The result of a convolution, strip by strip from the top.

    Where torch has no convolution in the precision of the layer, just a loop that is hundreds of
    times slower, each strip is computed in float32. A strip only depends on the rows that it is
    computed from, so that whoever takes it may overwrite the same rows of another array.

    Parameters
    ----------
    features:
        (batch, channel, rows, columns).
    layer:
        A convolution without groups, dilation or a padding other than zeros.
    prepare:
        What to do with rows of the features before they are padded and convolved.
    margins:
        Zeros to the left, to the right, above and below, in place of the layer's padding.

    Yields
    ------
    tuple of slice and torch.Tensor
        Rows of the result, and the result there, in the precision that it was computed in.
    """
    size, stride = layer.kernel_size[0], layer.stride[0]
    dtype = layer.weight.dtype if convolves_natively(layer.weight.dtype) else torch.float32
    weight = layer.weight.to(dtype)
    bias = None if layer.bias is None else layer.bias.to(dtype)
    if margins is None:
        down, across = int(layer.padding[0]), int(layer.padding[1])
        margins = (across, across, down, down)
    left, right, above, below = margins
    height = features.shape[2]
    rows = (height + above + below - size) // stride + 1
    step = max(1, _STRIP // (stride * features[:, :, 0].numel()))
    for first in range(0, rows, step):
        stop = min(rows, first + step)
        top, bottom = first * stride - above, (stop - 1) * stride - above + size
        strip = features[:, :, max(0, top) : min(bottom, height)]
        strip = (strip if prepare is None else prepare(strip)).to(dtype)
        missing = (max(0, -top), max(0, bottom - height))
        if left != right or any(missing):
            strip = functional.pad(strip, (left, right, *missing))
            columns = 0
        else:
            columns = left
        yield slice(first, stop), functional.conv2d(strip, weight, bias, stride, (0, columns))


class StripConv2d(torch.nn.Conv2d):
    """A convolution of half-precision features on a processor that has none: in float32 strips.

    Weights and features stay as they are; each sum is rounded once, at the end.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """As `torch.nn.Conv2d.forward`, on (batch, channel, rows, columns)."""
        strips = [strip.to(input.dtype) for _, strip in convolved_strips(input, self)]
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
