"""Convolutions a strip of rows at a time: in little memory, and in the cache."""

from collections.abc import Callable, Iterator

import torch
from torch.nn import functional

from .precision import computes_natively

_STRIP = 1 << 21
"""Numbers that are worked on at once: a few MB, which stay in the cache."""


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
    dtype = layer.weight.dtype if computes_natively(layer.weight.dtype) else torch.float32
    weight = layer.weight.to(dtype)
    bias = None if layer.bias is None else layer.bias.to(dtype)
    if margins is None:
        down, across = int(layer.padding[0]), int(layer.padding[1])
        margins = (across, across, down, down)
    left, right, above, below = margins
    height = features.shape[2]
    rows = (height + above + below - size) // stride + 1
    # The first layer makes 128 channels of 3: what a strip holds is the larger of the two.
    taken, made = stride * features.shape[1], layer.out_channels // stride
    step = max(1, _STRIP // (len(features) * features.shape[3] * max(taken, made)))
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
