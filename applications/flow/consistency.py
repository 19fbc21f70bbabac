"""The forward-backward error: how far the way there and back ends from where it began."""

import numpy as np

from .cells import CellFlow, Numbers


def round_trip(forward: CellFlow, backward: CellFlow) -> Numbers:
    """For each cell of `forward` the distance in pixels between its start and the end of the way.

    The way leads by `forward` into the other image and by `backward`, read at the sub-pixel
    place, home again: |w(x) + w'(x + w(x))| of Sundaram, Brox and Keutzer, "Dense point
    trajectories by GPU-accelerated large displacement optical flow" (ECCV 2010, section 3). NaN
    where one of them is unknown.
    """
    known = forward.known
    error = np.full(known.shape, np.nan)
    row, column = known.nonzero()
    out_x, out_y = forward.x[known], forward.y[known]
    home_x, home_y = backward.read(forward.grid.y[row] + out_y, forward.grid.x[column] + out_x)
    error[known] = np.hypot(out_x + home_x, out_y + home_y)
    return error
