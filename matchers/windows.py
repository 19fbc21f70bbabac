"""The square windows of cells around the cells of a grid."""

import torch

from .cells import Cells


class Windows:
    """The window of each of these cells, on their device.

    Args:
        cells: The cells that windows hold: those inside a mask where there is one.
        radius: How many cells a window goes to each side, within the grid.

    Attributes:
        size: How many places a window has.
    """

    def __init__(self, cells: Cells, radius: int) -> None:
        device = cells.features.device
        self._rows, self._columns = cells.grid
        self._index = cells.index.to(device)
        self._down, self._across = (
            torch.arange(-min(radius, side - 1), min(radius, side - 1) + 1, device=device)
            for side in cells.grid
        )
        self.size = len(self._down) * len(self._across)
        self._place = torch.full((self._rows * self._columns,), -1, device=device)
        self._place[self._index] = torch.arange(len(cells), device=device)

    def around(self, which: torch.Tensor) -> torch.Tensor:
        """Which cells lie in the windows (n, size) around those that `which` (n,) lists; -1: none.

        Both count the cells in their order, int64.
        """
        index = self._index[which]
        row = (index // self._columns)[:, None] + self._down
        column = (index % self._columns)[:, None] + self._across
        inside = ((row >= 0) & (row < self._rows))[:, :, None] & (
            (column >= 0) & (column < self._columns)
        )[:, None, :]
        wanted = row.clamp(0, self._rows - 1)[:, :, None] * self._columns
        wanted = wanted + column.clamp(0, self._columns - 1)[:, None, :]
        return torch.where(inside, self._place[wanted], -1).flatten(1)
