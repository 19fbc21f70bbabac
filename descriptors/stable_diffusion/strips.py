"""The VAE's encoder on the CPU: the sums of diffusers' modules in half the memory.

At a canvas of 960 pixels one array of the first level takes 472 MB in float32, and a residual block
holds five of them. Here norm, activation and convolution go over a strip of rows at a time, while
it is in the cache, and the sum of the block is written over its input: two arrays remain. Rows of
padding above and below the image are equal to each other, and are computed once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

from ..runtime.convolution import convolved_strips, equal_rows


class Moments:
    """Mean and variance per channel of an array that comes in strips."""

    def __init__(self) -> None:
        self.strips: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def add(self, strip: torch.Tensor, rows: int) -> None:
        """Take in so many rows (batch, channel, rows, columns), channels last; one stands for all.

        What batch norm counts, one image at a time: several times as fast as `torch.var_mean`.
        """
        means, variances = zip(
            *(torch.batch_norm_update_stats(one[None], None, None, 0.0) for one in strip.float()),
            strict=True,
        )
        cells = rows * strip.shape[3]
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
    """An array between two layers, channels last, with its moments and its runs of equal rows."""

    values: torch.Tensor
    moments: Moments = field(default_factory=Moments)
    runs: list[slice] = field(default_factory=list)

    def note(self, rows: slice, strip: torch.Tensor) -> None:
        """Take down what these rows of the values are: one stands for all where they are equal."""
        count = rows.stop - rows.start
        self.moments.add(strip, count)
        if strip.shape[2] < count:
            self.runs.append(rows)


def encode_in_strips(encoder: Any, pixels: torch.Tensor) -> torch.Tensor:
    """What the VAE encoder of diffusers gives, in the precision of the pixels.

    `pixels` is (batch, 3, height, width), in [-1, 1].
    """
    padded = pixels.contiguous(memory_format=torch.channels_last)
    hidden = _convolve(_Grid(padded, runs=equal_rows(padded)), encoder.conv_in)
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
            hidden.note(slice(0, hidden.values.shape[2]), hidden.values)
        hidden = _add_residual(resnet, hidden)
    prepare = _activated(encoder.conv_norm_out, hidden)
    return _convolve(hidden, encoder.conv_out, prepare=prepare).values


def _add_residual(resnet: Any, hidden: _Grid) -> _Grid:
    """A residual block: its output, which is written over `hidden` if it has as many channels."""
    between = _convolve(hidden, resnet.conv1, prepare=_activated(resnet.norm1, hidden))
    values = hidden.values
    if resnet.conv_shortcut is not None:
        values = _convolve(hidden, resnet.conv_shortcut).values
    result = _Grid(values)
    for rows, strip in convolved_strips(
        between.values, resnet.conv2, prepare=_activated(resnet.norm2, between), runs=between.runs
    ):
        target = values[:, :, rows]
        total = target[:, :, : strip.shape[2]].add_(strip)
        if strip.shape[2] < target.shape[2]:
            target[:, :, strip.shape[2] :] = total
        result.note(rows, total)
    return result


def _convolve(
    features: _Grid,
    layer: torch.nn.Conv2d,
    *,
    prepare: Callable[[torch.Tensor], torch.Tensor] | None = None,
    margins: tuple[int, int, int, int] | None = None,
) -> _Grid:
    """The whole result of a convolution; its moments are taken in passing."""
    result: _Grid | None = None
    for rows, strip in convolved_strips(
        features.values, layer, prepare=prepare, margins=margins, runs=features.runs
    ):
        if result is None:
            total = features.values.shape[2] // layer.stride[0]
            shape = (*strip.shape[:2], total, strip.shape[3])
            dtype = features.values.dtype
            result = _Grid(torch.empty(shape, dtype=dtype, memory_format=torch.channels_last))
        result.values[:, :, rows] = strip
        result.note(rows, strip)
    assert result is not None
    return result


def _activated(norm: torch.nn.GroupNorm, grid: _Grid) -> Callable[[torch.Tensor], torch.Tensor]:
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
