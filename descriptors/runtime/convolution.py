"""Convolutions a strip of rows at a time: in little memory, and in the cache."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch.nn import functional

from .precision import computes_natively
from .winograd import Winograd

_STRIP = 1 << 21
"""Numbers that are worked on at once: a few MB, which stay in the cache."""

_LEAST_REPEATED = 8
"""Rows that a run of equal ones must have to be worth a strip of its own."""

Runs: TypeAlias = Sequence[slice]
"""Rows of an array that are equal to each other, as padding is: runs from the top down."""


def equal_rows(features: torch.Tensor) -> list[slice]:
    """The runs of rows (batch, channel, row, column) that are equal to each other."""
    same = (features[:, :, 1:] == features[:, :, :-1]).all(dim=3).all(dim=1).all(dim=0).tolist()
    borders = [0, *(row + 1 for row, equal in enumerate(same) if not equal), features.shape[2]]
    return _long(slice(first, stop) for first, stop in pairwise(borders))


def convolved_runs(runs: Runs, layer: torch.nn.Conv2d, above: int) -> list[slice]:
    """The runs of equal rows in the result of a convolution with so many zeros above.

    They are the rows that see nothing but one run of the features.
    """
    size, stride = layer.kernel_size[0], layer.stride[0]
    return _long(
        slice(-((-run.start - above) // stride), (run.stop - size + above) // stride + 1)
        for run in runs
    )


def _long(runs: Iterator[slice]) -> list[slice]:
    return [run for run in runs if run.stop - run.start >= _LEAST_REPEATED]


def convolved_strips(
    features: torch.Tensor,
    layer: torch.nn.Conv2d,
    *,
    prepare: Callable[[torch.Tensor], torch.Tensor] | None = None,
    margins: tuple[int, int, int, int] | None = None,
    runs: Runs = (),
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
    runs:
        Runs of rows of the features that are equal to each other. What comes of one is computed
        once.

    Yields
    ------
    tuple of slice and torch.Tensor
        Rows of the result, and the result there, in the precision that it was computed in: one
        row for all of them where they are equal.
    """
    size, stride = layer.kernel_size[0], layer.stride[0]
    dtype = layer.weight.dtype if computes_natively(layer.weight.dtype) else torch.float32
    weight = layer.weight.to(dtype)
    bias = None if layer.bias is None else layer.bias.to(dtype)
    if margins is None:
        down, across = int(layer.padding[0]), int(layer.padding[1])
        margins = (across, across, down, down)
    left, right, above, below = margins
    batch, _, height, width = features.shape
    rows = (height + above + below - size) // stride + 1
    # The first layer makes 128 channels of 3: what a strip holds is the larger of the two.
    taken, made = stride * features.shape[1], layer.out_channels // stride
    step = max(1, _STRIP // (batch * width * max(taken, made)))
    convolve: Callable[[torch.Tensor, int], torch.Tensor]
    if stride == 1 and Winograd.pays(weight, batch * rows * width):
        convolve = Winograd(weight, bias)
        # It holds several times as much, in pairs of rows.
        step = max(2, step // 4 * 2)
    else:

        def convolve(strip: torch.Tensor, columns: int) -> torch.Tensor:
            return functional.conv2d(strip, weight, bias, stride, (0, columns))

    for first, stop, last in _strips(rows, step, convolved_runs(runs, layer, above)):
        top, bottom = first * stride - above, (stop - 1) * stride - above + size
        strip = features[:, :, max(0, top) : min(bottom, height)]
        strip = (strip if prepare is None else prepare(strip)).to(dtype)
        missing = (max(0, -top), max(0, bottom - height))
        if left != right or any(missing):
            strip = functional.pad(strip, (left, right, *missing))
            columns = 0
        else:
            columns = left
        yield slice(first, last), convolve(strip, columns)


def _strips(rows: int, step: int, runs: Runs) -> Iterator[tuple[int, int, int]]:
    """First row, the row at which computing stops, and the row up to which the result holds."""
    first = 0
    for run in [*runs, slice(rows, rows)]:
        for start in range(first, run.start, step):
            stop = min(run.start, start + step)
            yield start, stop, stop
        if run.start < run.stop:
            yield run.start, run.start + 1, run.stop
        first = run.stop
