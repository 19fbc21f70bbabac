"""The nearest neighbour of each place."""

from typing import ClassVar

from .base import Matcher
from .cells import Cells
from .correspondences import Partners


class NearestNeighbor(Matcher):
    """The centre of the target cell with the highest cosine; every place has one.

    Of cells with equal cosines the first in the order of rows is taken. For maps of unit length
    the order is that of the L2 distance.

    Args:
        dtype, device, block, margin: As in `Matcher`.
    """

    uses_source: ClassVar[bool] = False

    def match(self, query: Cells, source: Cells, target: Cells) -> Partners:
        """The centres of the best cells."""
        best = self.search(query, target, margin=self.margin)
        return Partners(target.x[best.index], target.y[best.index], best.score, margin=best.margin)
