"""The windows that a canvas is cut into, so that the networks run at the size they know."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from ...image.canvas import Canvas
from ...runtime.memory import fitting, in_batches
from .places import Place


@dataclass(frozen=True)
class Window:
    """A part of a canvas: its first row and column, its height and width, in canvas pixels."""

    top: int
    left: int
    height: int
    width: int

    def within(self, grid: torch.Tensor, stride: int = 1) -> torch.Tensor:
        """The cells of a grid (..., rows, columns) of this stride in the window, a view."""
        rows = slice(self.top // stride, (self.top + self.height) // stride)
        columns = slice(self.left // stride, (self.left + self.width) // stride)
        return grid[..., rows, columns]

    def shows(self, canvas: Canvas) -> bool:
        """Whether any of the image lies in the window, which is all padding otherwise."""
        sides = ((canvas.y, self.top, self.height), (canvas.x, self.left, self.width))
        return all(
            start < axis.offset + axis.content and axis.offset < start + length
            for axis, start, length in sides
        )


def cut_windows(height: int, width: int, side: int | None) -> list[Window]:
    """The windows of a canvas, row by row; one for all of it where the side is None.

    Squares start every `side` pixels, and the last of a row or column ends at the border; on a
    canvas with a shorter side they are as large as that. So runs the code of Zhang et al., "A Tale
    of Two Features", NeurIPS 2023.
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


class Crops:
    """The windows of a batch of canvases that show any of an image, cut out for the networks.

    `canvases` are (canvas, 3, height, width), `layouts` say how the image of each lies; `pixels`
    are (crop, 3, height, width), each of the canvas and the window in `places`.
    """

    def __init__(
        self, canvases: torch.Tensor, side: int | None, layouts: Sequence[Canvas] | None = None
    ) -> None:
        self.canvases = canvases
        self.windows = cut_windows(canvases.shape[2], canvases.shape[3], side)
        self.places = [
            (canvas, window)
            for canvas in range(len(canvases))
            for window in self.windows
            if layouts is None or window.shows(layouts[canvas])
        ]
        self.pixels = torch.stack(
            [window.within(canvases[canvas]) for canvas, window in self.places]
        )

    def at_once(self, item: int, members: int = 1) -> int:
        """How many crops of so many bytes, each in so many members, go through a network at once.

        No more is held than a pass over the whole canvases would hold.
        """
        area = self.canvases.shape[2:].numel() / self.pixels.shape[2:].numel()
        passes = min(len(self.canvases) * members, fitting(int(item * area), self.pixels.device))
        return max(1, min(fitting(item, self.pixels.device), int(passes * area)))

    def averaged(
        self,
        run: Callable[[slice], Mapping[str, torch.Tensor]],
        item: int,
        members: int,
        places: Mapping[str, Place],
    ) -> dict[str, torch.Tensor]:
        """The states that `run` gives, laid on the canvases: (canvas, channel, rows, columns).

        `run` takes some of all members of all crops, those of a crop in a row, each of `item`
        bytes. States are averaged over members and windows; cells that no crop shows are 0.
        """
        sums: dict[str, torch.Tensor] = {}
        count = len(self.places) * members
        for part, states in in_batches(run, count, self.at_once(item, members)):
            for name, state in states.items():
                stride = places[name].stride
                if name not in sums:
                    grid = (side // stride for side in self.canvases.shape[2:])
                    sums[name] = self.pixels.new_zeros(len(self.canvases), state.shape[1], *grid)
                for member, one in zip(range(part.start, part.stop), state.float(), strict=True):
                    canvas, window = self.places[member // members]
                    window.within(sums[name][canvas], stride).add_(one)
        return {
            name: total / (members * coverage(self.windows, total, places[name].stride))
            for name, total in sums.items()
        }
