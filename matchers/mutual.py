"""Nearest neighbours that agree in both directions."""

import torch

from ..descriptors.settings import check_int
from .base import Matcher
from .cells import Cells
from .correspondences import Partners


class MutualNearestNeighbor(Matcher):
    """The nearest neighbour, kept if the way back leads to where it started.

    The way back goes from the target cell over the whole source (inside the source mask) to its
    nearest neighbour there. It must end in the cell that one started from; for a point, in the
    cell that holds the point.

    Args:
        tolerance: How many cells, along rows and along columns, the end of the way back may lie
            from its start (Chebyshev distance).
        dtype, device, block, margin: As in `Matcher`.
    """

    def __init__(
        self,
        *,
        tolerance: int = 0,
        dtype: str = "auto",
        device: str | None = None,
        block: int | None = None,
        margin: int | None = None,
    ) -> None:
        super().__init__(dtype=dtype, device=device, block=block, margin=margin)
        self.tolerance = check_int("tolerance", tolerance, minimum=0)

    def match(self, query: Cells, source: Cells, target: Cells) -> Partners:
        """The centres of the best cells, matched where the way back agrees."""
        best = self.search(query, target, back=query is source, margin=self.margin)
        if best.back is not None:
            end = best.back[best.index]
        else:
            reached, which = torch.unique(best.index, return_inverse=True)
            end = self.search(target.take(reached), source).index[which]
        return Partners(
            target.x[best.index],
            target.y[best.index],
            best.score,
            _cells_apart(query.index, source.index[end], source.grid[1]) <= self.tolerance,
            best.margin,
        )


def _cells_apart(first: torch.Tensor, second: torch.Tensor, columns: int) -> torch.Tensor:
    """Chebyshev distance between cells of a grid, given by their places row by row."""
    down = first // columns - second // columns
    across = first % columns - second % columns
    return torch.maximum(down.abs(), across.abs())
