"""Places between the cells, as the expectation of position."""

from typing import ClassVar

import torch

from ..descriptors.features.grids import double
from ..descriptors.settings import check_float, check_int
from .base import Matcher
from .cells import Cells
from .correspondences import Partners

_PLACES = 1 << 20  # places of windows that are held at once


class SoftArgmax(Matcher):
    """The expectation of position under a softmax of the cosines around the best target cell.

    The kernel soft argmax of Lee et al., SFNet (CVPR 2019), with a square window in place of the
    Gaussian kernel, as in Zhang et al., Telling Left from Right (CVPR 2024). Outside the window
    and outside the target mask the weight is exactly 0. Every place has a match; its score is
    the cosine of the best cell.

    Args:
        temperature: The weights are exp(cosine / temperature), normalised.
        window: Radius of the window in cells: 7 for 15 x 15 cells, 0 for the best cell alone, None
            for the whole grid.
        dtype: `auto` or `float32`, which are the same here: the weights need the cosines
            themselves.
        device, block: As in `Matcher`.
    """

    precisions: ClassVar[tuple[str, ...]] = ("auto", "float32")
    uses_source: ClassVar[bool] = False

    def __init__(
        self,
        *,
        temperature: float = 0.02,
        window: int | None = 7,
        dtype: str = "auto",
        device: str | None = None,
        block: int | None = None,
    ) -> None:
        super().__init__(dtype=dtype, device=device, block=block)
        self.temperature = check_float("temperature", temperature, minimum=0, open_minimum=True)
        self.window = None if window is None else check_int("window", window, minimum=0)

    def match(self, query: Cells, source: Cells, target: Cells) -> Partners:
        """The expected positions."""
        centre = torch.stack([target.y, target.x], 1).mean(0)
        offsets = torch.stack([target.y, target.x], 1) - centre
        expected = torch.empty(len(query), 2, dtype=torch.float64)
        windows = None if self.window is None else _Windows(target, offsets, self.window)

        def visit(start: int, similarity: torch.Tensor, index: torch.Tensor) -> None:
            rows = slice(start, start + len(index))
            if windows is None:
                expected[rows] = _expectation(similarity, index, offsets, self.temperature)
            else:
                step = max(1, _PLACES // windows.size)
                parts = zip(torch.split(similarity, step), torch.split(index, step), strict=True)
                expected[rows] = torch.cat(
                    [windows.expectation(*part, self.temperature) for part in parts]
                )

        best = self.search(query, target, visit=visit)
        y, x = (expected + centre).unbind(1)
        return Partners(x, y, best.score)


def _expectation(
    similarity: torch.Tensor, index: torch.Tensor, offsets: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Expected position (row, 2) over all cells; works in the memory of `similarity`."""
    similarity -= similarity.gather(1, index[:, None])
    weights = similarity.div_(temperature).exp_()
    terms = torch.cat([offsets, torch.ones_like(offsets[:, :1])], 1).float().to(weights.device)
    sums = (weights @ terms).cpu().double()
    return sums[:, :2] / sums[:, 2:]


class _Windows:
    """The square windows of cells around each cell of a grid, on the device of the cosines."""

    def __init__(self, target: Cells, offsets: torch.Tensor, radius: int) -> None:
        device = target.features.device
        self.rows, self.columns = target.grid
        self.index = target.index.to(device)
        self.down, self.across = (
            torch.arange(-min(radius, side - 1), min(radius, side - 1) + 1, device=device)
            for side in target.grid
        )
        self.size = len(self.down) * len(self.across)
        self.place = torch.full((self.rows * self.columns,), -1, device=device)
        self.place[self.index] = torch.arange(len(target), device=device)
        # Where the device has no float64, the last step is made on the processor.
        self.offsets = offsets if device.type == "mps" else offsets.to(device)

    def expectation(
        self,
        similarity: torch.Tensor,
        index: torch.Tensor,
        temperature: float,
    ) -> torch.Tensor:
        """Expected position (row, 2) over the cells in the window around the best one."""
        places = self._around(self.index[index])
        absent = places < 0
        places = places.clamp_(min=0)
        cosines = double(similarity.gather(1, places))
        absent, places = absent.to(cosines.device), places.to(cosines.device)
        weights = (cosines / temperature).masked_fill_(absent, -torch.inf).softmax(1)
        return torch.einsum("rw,rwp->rp", weights, self.offsets[places]).cpu()

    def _around(self, cells: torch.Tensor) -> torch.Tensor:
        """Places among the target cells of the window of each cell (row, window), -1 for none."""
        row = (cells // self.columns)[:, None] + self.down
        column = (cells % self.columns)[:, None] + self.across
        inside = ((row >= 0) & (row < self.rows))[:, :, None] & (
            (column >= 0) & (column < self.columns)
        )[:, None, :]
        wanted = row.clamp(0, self.rows - 1)[:, :, None] * self.columns
        wanted = wanted + column.clamp(0, self.columns - 1)[:, None, :]
        return torch.where(inside, self.place[wanted], -1).flatten(1)
