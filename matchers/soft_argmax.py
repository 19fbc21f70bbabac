"""Places between the cells, as the expectation of position."""

from typing import ClassVar

import torch

from ..descriptors.features.grids import double
from ..descriptors.settings import check_float, check_int
from .base import Matcher
from .cells import Cells
from .correspondences import Partners
from .windows import Windows

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
        device, block, margin: As in `Matcher`.
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
        margin: int | None = None,
    ) -> None:
        super().__init__(dtype=dtype, device=device, block=block, margin=margin)
        self.temperature = check_float("temperature", temperature, minimum=0, open_minimum=True)
        self.window = None if window is None else check_int("window", window, minimum=0)

    def match(self, query: Cells, source: Cells, target: Cells) -> Partners:
        """The expected positions."""
        centre = torch.stack([target.y, target.x], 1).mean(0)
        offsets = torch.stack([target.y, target.x], 1) - centre
        device = target.features.device
        # Where the device has no float64, the last step is made on the processor.
        offsets = offsets if device.type == "mps" else offsets.to(device)
        expected = torch.empty(len(query), 2, dtype=torch.float64)
        windows = None if self.window is None else Windows(target, self.window)

        def visit(start: int, similarity: torch.Tensor, index: torch.Tensor) -> None:
            rows = slice(start, start + len(index))
            if windows is None:
                expected[rows] = _expectation(similarity, index, offsets, self.temperature)
            else:
                step = max(1, _PLACES // windows.size)
                parts = zip(torch.split(similarity, step), torch.split(index, step), strict=True)
                expected[rows] = torch.cat(
                    [
                        _expectation_in(windows.around(best), cosines, offsets, self.temperature)
                        for cosines, best in parts
                    ]
                )

        best = self.search(query, target, visit=visit, margin=self.margin)
        y, x = (expected + centre).unbind(1)
        return Partners(x, y, best.score, margin=best.margin)


def _expectation(
    similarity: torch.Tensor, index: torch.Tensor, offsets: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Expected position (row, 2) over all cells; works in the memory of `similarity`."""
    similarity -= similarity.gather(1, index[:, None])
    weights = similarity.div_(temperature).exp_()
    terms = torch.cat([offsets, torch.ones_like(offsets[:, :1])], 1).float().to(weights.device)
    sums = (weights @ terms).cpu().double()
    return sums[:, :2] / sums[:, 2:]


def _expectation_in(
    places: torch.Tensor, similarity: torch.Tensor, offsets: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Expected position (row, 2) over the cells at these places (row, window), -1 for none."""
    absent, places = places < 0, places.clamp(min=0)
    cosines = double(similarity.gather(1, places))
    absent, places = absent.to(cosines.device), places.to(cosines.device)
    weights = (cosines / temperature).masked_fill_(absent, -torch.inf).softmax(1)
    return torch.einsum("rw,rwp->rp", weights, offsets[places]).cpu()
