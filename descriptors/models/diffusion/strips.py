"""The VAE's encoder on the CPU: the sums of diffusers' modules in half the memory.

At a canvas of 960 pixels one array of the first level takes 472 MB in float32, and a residual block
holds five of them. Here norm, activation and convolution go over a strip of rows at a time, while
it is in the cache, and the sum of the block is written over its input: two arrays remain.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

_STRIP = 1 << 21  # numbers that are worked on at once: a few MB, which stay in the cache

Prepare = Callable[[torch.Tensor], torch.Tensor]
Margins = tuple[int, int, int, int]


class Moments:
    """Mean and variance per channel of an array that comes in strips."""

    def __init__(self) -> None:
        self.strips: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def add(self, strip: torch.Tensor) -> None:
        """Take in rows (batch, channel, rows, columns), channels last."""
        # What batch norm counts, one image at a time: several times as fast as `torch.var_mean`.
        images = strip.float().unsqueeze(1)
        moments = [torch.batch_norm_update_stats(one, None, None, 0.0) for one in images]
        means, variances = zip(*moments, strict=True)
        cells = strip.shape[2] * strip.shape[3]
        self.strips.append((cells, torch.stack(means).double(), torch.stack(variances).double()))

    def groups(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance (batch, group), float64, over groups of neighbouring channels."""
        counts, means, variances = zip(*self.strips, strict=True)
        share = torch.tensor(counts, dtype=torch.float64)[:, None, None, None] / sum(counts)
        mean_of, variance_of = (
            torch.stack(values).reshape(len(counts), len(values[0]), count, -1)
            for values in (means, variances)
        )
        mean = (share * mean_of).sum(0).mean(-1)
        spread = variance_of + (mean_of - mean[None, :, :, None]) ** 2
        return mean, (share * spread).sum(0).mean(-1)


@dataclass(frozen=True, eq=False)
class _Grid:
    """An array between two layers, channels last, with its moments."""

    values: torch.Tensor
    moments: Moments = field(default_factory=Moments)


def encode_in_strips(encoder: Any, pixels: torch.Tensor) -> torch.Tensor:
    """What the VAE encoder of diffusers gives, in the precision of the pixels.

    `pixels` is (batch, 3, height, width), in [-1, 1].
    """
    padded = _Grid(pixels.contiguous(memory_format=torch.channels_last))
    hidden = _convolve(padded, encoder.conv_in)
    for block in encoder.down_blocks:
        for resnet in block.resnets:
            hidden = _add_residual(resnet, hidden)
        for sampler in block.downsamplers or ():
            # Zeros to the right and below alone, as the original pads.
            hidden = _convolve(hidden, sampler.conv, margins=(0, 1, 0, 1))
    middle = encoder.mid_block
    hidden = _add_residual(middle.resnets[0], hidden)
    for attention, resnet in zip(middle.attentions, middle.resnets[1:], strict=True):
        if attention is not None:
            hidden = _Grid(attention(hidden.values))
            hidden.moments.add(hidden.values)
        hidden = _add_residual(resnet, hidden)
    prepare = _activated(encoder.conv_norm_out, hidden)
    return _convolve(hidden, encoder.conv_out, prepare).values


def convolved_strips(
    features: torch.Tensor,
    layer: torch.nn.Conv2d,
    prepare: Prepare | None = None,
    margins: Margins | None = None,
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Rows of the result of a convolution, and the result there, strip by strip from the top.

    `features` are (batch, channel, rows, columns); `layer` has neither groups nor dilation, and
    pads with zeros. `prepare` changes rows of the features before they are padded and convolved.
    `margins` are the zeros to the left, right, above and below, in place of the layer's padding.
    """
    size, stride = layer.kernel_size[0], layer.stride[0]
    if margins is None:
        down, across = int(layer.padding[0]), int(layer.padding[1])
        margins = (across, across, down, down)
    left, right, above, below = margins
    batch, channels, height, width = features.shape
    rows = (height + above + below - size) // stride + 1
    # The first layer makes 128 channels of 3: what a strip holds is the larger of the two.
    depth = max(stride * channels, layer.out_channels // stride)
    step = max(1, _STRIP // (batch * width * depth))
    for first in range(0, rows, step):
        stop = min(first + step, rows)
        top, bottom = first * stride - above, (stop - 1) * stride - above + size
        strip = features[:, :, max(0, top) : min(bottom, height)]
        if prepare is not None:
            strip = prepare(strip)
        missing = (max(0, -top), max(0, bottom - height))
        columns = left
        if left != right or any(missing):
            strip, columns = functional.pad(strip, (left, right, *missing)), 0
        weight = layer.weight
        result = functional.conv2d(strip.to(weight.dtype), weight, layer.bias, stride, (0, columns))
        yield slice(first, stop), result


def _add_residual(resnet: Any, hidden: _Grid) -> _Grid:
    """A residual block: its output, which is written over `hidden` if it has as many channels."""
    between = _convolve(hidden, resnet.conv1, _activated(resnet.norm1, hidden))
    shortcut = resnet.conv_shortcut
    result = _Grid(hidden.values if shortcut is None else _convolve(hidden, shortcut).values)
    prepare = _activated(resnet.norm2, between)
    for rows, strip in convolved_strips(between.values, resnet.conv2, prepare):
        result.moments.add(result.values[:, :, rows].add_(strip))
    return result


def _convolve(
    features: _Grid,
    layer: torch.nn.Conv2d,
    prepare: Prepare | None = None,
    margins: Margins | None = None,
) -> _Grid:
    """The whole result of a convolution; its moments are taken in passing."""
    grid = features.values
    batch, _, height, width = grid.shape
    shape = (batch, layer.out_channels, height // layer.stride[0], width // layer.stride[0])
    result = _Grid(torch.empty(shape, dtype=grid.dtype, memory_format=torch.channels_last))
    for rows, strip in convolved_strips(grid, layer, prepare, margins):
        result.values[:, :, rows] = strip
        result.moments.add(strip)
    return result


def _activated(norm: torch.nn.GroupNorm, grid: _Grid) -> Prepare:
    """Group norm and SiLU on rows of an array, in float32."""
    mean, variance = grid.moments.groups(norm.num_groups)
    repeat = norm.num_channels // norm.num_groups
    mean, variance = (values.repeat_interleave(repeat, dim=1) for values in (mean, variance))
    scale = norm.weight.double() / (variance + norm.eps).sqrt()
    shift = norm.bias.double() - mean * scale
    scale, shift = (values.float()[:, :, None, None] for values in (scale, shift))

    def prepare(rows: torch.Tensor) -> torch.Tensor:
        return functional.silu(torch.addcmul(shift, rows.float(), scale), inplace=True)

    return prepare
