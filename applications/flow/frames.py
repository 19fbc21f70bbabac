"""The frame that a flow must stay in: the target image, and its mask."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from ...descriptors.features.grids import nearest_pixels
from .cells import Numbers


@dataclass(frozen=True, eq=False)
class Frame:
    """Where in an image of this height and width, in pixels, a flow may end.

    Interpolation and extrapolation carry some places a little beyond the border: these are moved
    to the nearest pixel within it, if that is at most `reach` pixels away.
    """

    height: int
    width: int
    mask: npt.NDArray[np.bool_] | None
    reach: float

    @cached_property
    def _nearest(self) -> npt.NDArray[Any] | None:
        """Row and column of the pixel of the mask that is nearest to each; None without a mask."""
        if self.mask is None or self.mask.all():
            return None
        indices = distance_transform_edt(~self.mask, return_distances=False, return_indices=True)
        return np.asarray(indices)

    def bring_in(self, y: Numbers, x: Numbers) -> tuple[Numbers, Numbers]:
        """The places moved inside, NaN for those that are too far out or NaN themselves."""
        known = np.isfinite(y) & np.isfinite(x)
        in_y = np.clip(np.where(known, y, 0.0), -0.5, self.height - 0.5)
        in_x = np.clip(np.where(known, x, 0.0), -0.5, self.width - 0.5)
        if self.mask is not None and self._nearest is not None:
            row, column = nearest_pixels(in_y, self.height), nearest_pixels(in_x, self.width)
            outside = ~self.mask[row, column]
            in_y[outside], in_x[outside] = self._nearest[:, row[outside], column[outside]]
        with np.errstate(invalid="ignore"):
            known &= np.hypot(in_y - y, in_x - x) <= self.reach
        return np.where(known, in_y, np.nan), np.where(known, in_x, np.nan)
