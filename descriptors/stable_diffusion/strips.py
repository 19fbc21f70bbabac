"""The VAE's encoder on the CPU: the sums of diffusers' modules in half the memory.

At a canvas of 960 pixels one array of the first level takes 472 MB in float32, and a residual block
holds five of them. Here norm, activation and convolution go over a strip of rows at a time, while
it is in the cache, and the sum of the block is written over its input: two arrays remain.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from ..runtime.convolution import convolved_strips


class Moments:
    """Mean and variance per channel of an array that comes in strips."""

    def __init__(self) -> None:
        self.strips: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def add(self, strip: torch.Tensor) -> None:
        """Take in rows (batch, channel, rows, columns), channels last."""
        # What batch norm counts, one image at a time: several times as fast as `torch.var_mean`.
        means, variances = zip(
            *(torch.batch_norm_update_stats(one[None], None, None, 0.0) for one in strip.float()),
            strict=True,
        )
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


def encode_in_strips(encoder: Any, pixels: torch.Tensor) -> torch.Tensor:
    """What the VAE encoder of diffusers gives, in the precision of the pixels.

    `pixels` is (batch, 3, height, width), in [-1, 1].
    """
    moments = Moments()
    hidden = _convolve(
        pixels.contiguous(memory_format=torch.channels_last), encoder.conv_in, moments
    )
    for block in encoder.down_blocks:
        for resnet in block.resnets:
            hidden, moments = _add_residual(resnet, hidden, moments)
        for sampler in block.downsamplers or ():
            # Zeros to the right and below alone, as the original pads.
            moments = Moments()
            hidden = _convolve(hidden, sampler.conv, moments, margins=(0, 1, 0, 1))
    middle = encoder.mid_block
    hidden, moments = _add_residual(middle.resnets[0], hidden, moments)
    for attention, resnet in zip(middle.attentions, middle.resnets[1:], strict=True):
        if attention is not None:
            hidden = attention(hidden)
            moments = Moments()
            moments.add(hidden)
        hidden, moments = _add_residual(resnet, hidden, moments)
    return _convolve(hidden, encoder.conv_out, prepare=_activated(encoder.conv_norm_out, moments))


def _add_residual(
    resnet: Any, hidden: torch.Tensor, moments: Moments
) -> tuple[torch.Tensor, Moments]:
    """A residual block: its output, which is written over `hidden` if it has as many channels."""
    inside, outside = Moments(), Moments()
    between = _convolve(hidden, resnet.conv1, inside, prepare=_activated(resnet.norm1, moments))
    if resnet.conv_shortcut is not None:
        hidden = _convolve(hidden, resnet.conv_shortcut)
    for rows, strip in convolved_strips(
        between, resnet.conv2, prepare=_activated(resnet.norm2, inside)
    ):
        target = hidden[:, :, rows]
        target += strip
        outside.add(target)
    return hidden, outside


def _convolve(
    features: torch.Tensor,
    layer: torch.nn.Conv2d,
    moments: Moments | None = None,
    *,
    prepare: Callable[[torch.Tensor], torch.Tensor] | None = None,
    margins: tuple[int, int, int, int] | None = None,
) -> torch.Tensor:
    """The whole result of a convolution, channels last; its moments are taken in passing."""
    result: torch.Tensor | None = None
    for rows, strip in convolved_strips(features, layer, prepare=prepare, margins=margins):
        if result is None:
            total = features.shape[2] // layer.stride[0]
            shape = (*strip.shape[:2], total, strip.shape[3])
            result = torch.empty(shape, dtype=features.dtype, memory_format=torch.channels_last)
        result[:, :, rows] = strip
        if moments is not None:
            moments.add(strip)
    assert result is not None
    return result


def _activated(
    norm: torch.nn.GroupNorm, moments: Moments
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Group norm and SiLU on rows of the array that has these moments, in float32."""
    mean, variance = moments.groups(norm.num_groups)
    repeat = norm.num_channels // norm.num_groups
    mean, variance = (values.repeat_interleave(repeat, dim=1) for values in (mean, variance))
    scale = norm.weight.double() / (variance + norm.eps).sqrt()
    shift = norm.bias.double() - mean * scale
    scale, shift = (values.float()[:, :, None, None] for values in (scale, shift))

    def prepare(rows: torch.Tensor) -> torch.Tensor:
        return functional.silu(torch.addcmul(shift, rows.float(), scale), inplace=True)

    return prepare
