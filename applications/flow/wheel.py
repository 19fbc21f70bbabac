"""Flow as colours: the hue tells the direction, the saturation how far.

Baker et al., "A database and evaluation methodology for optical flow" (IJCV 2011), section 4 and
the code beside its data.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.settings import check_float
from .fields import check_flow, known_places

UNKNOWN_COLOR = (128, 128, 128)
"""Where there is no flow: the only grey, since no flow at all is white."""

# Where the pure colours lie on the wheel. The distances are those of the eye: it tells more hues
# between red and yellow apart than between green and cyan.
_PLACES = np.array([0, 15, 21, 25, 36, 49, 55]) / 55
_PURE = np.array(
    [(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)], dtype=float
)
_BEYOND = 0.75
"""How bright the colours of displacements above the maximum are."""
_NEAT = np.array([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])


def flow_colors(flow: xr.Dataset, *, maximum: float | None = None) -> npt.NDArray[np.uint8]:
    """The flow as colours, uint8 (row, column, 3) RGB.

    To the right is red, down yellow, to the left a blue cyan, up violet; white doesn't move, and
    the full colour is a displacement of `maximum`. Longer ones are darker; places without a valid
    flow are grey.

    Parameters
    ----------
    flow:
        `flow_x` and `flow_y` over (y, x) in pixels.
    maximum:
        In pixels, above 0; by default `flow_maximum(flow)`.

    Raises
    ------
    FlowError
        The flow is none.
    OptionError
        The maximum is not a number above 0.
    """
    check_flow(flow)
    if maximum is None:
        maximum = flow_maximum(flow)
    check_float("maximum", maximum, minimum=0, open_minimum=True)
    known = known_places(flow)
    x, y = (np.where(known, flow[name].values, 0.0) for name in ("flow_x", "flow_y"))
    colors = wheel_colors(x / maximum, y / maximum)
    colors[~known] = UNKNOWN_COLOR
    return colors


def flow_maximum(flow: xr.Dataset) -> float:
    """The displacement in pixels that `flow_colors` gives the full colour by default.

    The length that 95 of 100 displacements stay below, rounded up to a neat number such as 12, 50
    or 80, and at least one pixel: a few that are wrong don't take the colour from the rest. Where
    the flow says its `consistency`, only those count whose forward-backward error is at most a
    tenth of their length.
    """
    check_flow(flow)
    known = known_places(flow)
    lengths = np.hypot(flow["flow_x"].values, flow["flow_y"].values)
    if "consistency" in flow:
        consistent = known & (flow["consistency"].values <= 0.1 * lengths)
        known = consistent if consistent.any() else known
    length = max(1.0, float(np.percentile(lengths[known], 95))) if known.any() else 1.0
    neat = _NEAT * 10 ** np.floor(np.log10(length))
    # What is longer by a rounding error needs no larger number.
    return float(neat[neat >= 0.99 * length][0])


def wheel_colors(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """The colours (..., 3) of vectors in which 1 is the maximum."""
    # Opposite to the vector and counted from there, as the authors do: the right is red.
    turn = (np.arctan2(-np.asarray(y), -np.asarray(x)) / np.pi + 1) / 2
    pure = np.stack([np.interp(turn, _PLACES, _PURE[:, k]) for k in range(3)], axis=-1)
    length = np.hypot(x, y)[..., None]
    colors = np.where(length <= 1, 1 - length * (1 - pure), pure * _BEYOND)
    return np.asarray(np.rint(colors * 255), dtype=np.uint8)
