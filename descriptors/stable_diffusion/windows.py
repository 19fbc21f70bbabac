"""The windows that a canvas is cut into, so that the networks run at the size they know."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from ..canvas import Canvas


@dataclass(frozen=True)
class Window:
    """A part of a canvas: its first row and column, its height and width, in canvas pixels."""

    top: int
    left: int
    height: int
    width: int

    def within(self, grid: torch.Tensor, stride: int = 1) -> torch.Tensor:
        """The cells of a grid (..., rows, columns) of this stride that lie in the window, a view.

        Sides of the window are multiples of the stride.
        """
        rows = slice(self.top // stride, (self.top + self.height) // stride)
        columns = slice(self.left // stride, (self.left + self.width) // stride)
        return grid[..., rows, columns]

    def shows(self, canvas: Canvas) -> bool:
        """Whether any of the image lies in the window, which is all padding otherwise."""
        return all(
            start < axis.offset + axis.content and axis.offset < start + length
            for axis, start, length in (
                (canvas.y, self.top, self.height),
                (canvas.x, self.left, self.width),
            )
        )


def cut_windows(height: int, width: int, side: int | None) -> list[Window]:
    """The windows of a canvas, row by row; one for all of it where the side is None.

    Squares start every `side` pixels, and the last of a row or column is moved back so that it
    ends at the border; on a canvas with a shorter side than that they are as large as this side.
    Zhang et al., "A Tale of Two Features", NeurIPS 2023, whose code runs Stable Diffusion so.
    """
    if side is None:
        return [Window(0, 0, height, width)]
    side = min(side, height, width)
    tops, lefts = (
        [min(start, length - side) for start in range(0, length, side)]
        for length in (height, width)
    )
    return [Window(top, left, side, side) for top in tops for left in lefts]


def coverage(windows: Iterable[Window], grid: torch.Tensor, stride: int) -> torch.Tensor:
    """How many of the windows hold each cell of a grid (..., rows, columns): (rows, columns)."""
    count = grid.new_zeros(grid.shape[-2:])
    for window in windows:
        window.within(count, stride).add_(1)
    return count
