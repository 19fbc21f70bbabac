"""Flow as colours, and a picture of it with the wheel that they are read by.

The hue tells the direction, the saturation how far: Baker et al., "A database and evaluation
methodology for optical flow" (IJCV 2011), section 4 and the code beside its data.
"""

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.settings import check_float
from ..pictures import Drawing, check_width, pixel_cells
from ..pictures.canvas import Canvas
from ..pictures.letters import fitting, text_size
from .fields import flow_vectors

_LEGEND, _TALLEST = 0.16, 1.25
"""Width of the legend, and height of the picture at most, as shares of the picture's width."""
_SUPERSAMPLING = 4
UNKNOWN_COLOR = (128, 128, 128)
"""Where there is no flow: the only grey, since no flow at all is white."""

# Where the pure colours lie on the wheel. The distances are those of the eye: it tells more hues
# between red and yellow apart than between green and cyan.
_PLACES = np.array([0, 15, 21, 25, 36, 49, 55]) / 55
_PURE = np.array(
    [(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)], dtype=float
)
_BEYOND = 0.75  # how bright the colours of displacements above the maximum are
_NEAT = np.array([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])


def draw_flow(
    flow: xr.Dataset,
    *,
    maximum: float | None = None,
    width: int = 1200,
    titles: bool = False,
) -> Drawing:
    """The flow as colours beside the wheel that explains them.

    The wheel's rim is the displacement of `maximum`, which is written beneath it. Below stand the
    darker colours of longer displacements, with their share of all, and the grey of no flow, where
    there are such. The picture is `width` pixels wide, or narrower for tall images; `titles` say
    above it which image is the source and which the target, where the flow knows.
    Takes and raises what `flow_colors` does, and `OptionError` if the width is out of range.
    """
    check_width(width)
    vectors, valid = flow_vectors(flow)
    if maximum is None:
        maximum = flow_maximum(flow)
    legend = max(48, round(width * _LEGEND))
    rows = int(flow.attrs.get("source_height", flow.sizes["y"]))
    columns = int(flow.attrs.get("source_width", flow.sizes["x"]))
    across = min(width - legend, max(1, round(width * _TALLEST * columns / rows)))
    down = max(1, round(across * rows / columns))
    # A mean of colours is the colour of another flow, so that places are taken as they are.
    whole = flow.assign_attrs(image_height=rows, image_width=columns)
    y, x = pixel_cells(whole, down, across)
    colors = flow_colors(flow.isel(y=y, x=x), maximum=maximum)
    longer = float((np.hypot(*vectors)[valid] > maximum).mean()) if valid.any() else 0.0
    beside = _legend(legend, maximum, longer=longer, complete=bool(valid.all()))
    names = [str(flow.attrs.get(f"{side}_name", "")) for side in ("source", "target")]
    letters = text_size(width)
    header = round(1.9 * letters) if titles and all(names) else 0
    canvas = Canvas.blank(header + max(down, len(beside)), across + legend)
    canvas.put(colors, 0, header)
    canvas.put(beside, across, header)
    if header:
        title = fitting(f"source: {names[0]}, target: {names[1]}", letters, across)
        canvas.write([(title, across / 2, header / 2)], size=letters, anchor="m")
    return canvas.finish()


def _legend(width: int, maximum: float, *, longer: float, complete: bool) -> Drawing:
    """The wheel with its maximum, and what the colours that are not on it mean.

    `longer` is the share of displacements above the maximum.
    """
    gap, letters = width // 12, max(7, width // 14)
    side, line = width - 2 * gap, round(1.7 * letters)
    rim = f"{maximum:.{0 if maximum >= 10 else 1}f}".removesuffix(".0") + " px"
    keys = []
    if longer:
        share = f"{longer:.0%}" if longer >= 0.005 else "< 1%"
        keys.append((_wheel(letters, scale=1e3), f"> {rim}: {share}"))
    if not complete:
        grey = np.full((letters, letters, 3), UNKNOWN_COLOR, dtype=np.uint8)
        keys.append((grey, "no flow"))
    canvas = Canvas.blank(gap + side + 2 * line * (1 + len(keys)), width)
    canvas.put(_wheel(side), gap, gap)
    canvas.write([(f"rim: {rim}", width / 2, gap + side + line)], size=letters, anchor="m")
    for place, (colors, meaning) in enumerate(keys, start=1):
        top = gap + side + 2 * line * place + round(0.6 * line)
        canvas.put(colors, gap, top)
        canvas.write([(meaning, gap + 1.6 * letters, top + letters / 2)], size=letters)
    return canvas.finish()


def _wheel(side: int, *, scale: float = 1.0) -> npt.NDArray[np.uint8]:
    """The disc of all displacements up to `scale` times the maximum, on white."""
    at = (np.arange(side * _SUPERSAMPLING) + 0.5) / (side * _SUPERSAMPLING) * 2 - 1
    x, y = np.meshgrid(at, at)
    colors = wheel_colors(scale * x, scale * y)
    colors[np.hypot(x, y) > 1] = 255
    return np.asarray(cv2.resize(colors, (side, side), interpolation=cv2.INTER_AREA))


def flow_colors(flow: xr.Dataset, *, maximum: float | None = None) -> npt.NDArray[np.uint8]:
    """The flow as colours, uint8 (row, column, 3) RGB.

    To the right is red, down yellow, to the left a blue cyan, up violet; white doesn't move, and
    the full colour is a displacement of `maximum`. Longer ones are darker; places without a valid
    flow are grey.

    `flow` holds `flow_x` and `flow_y` over (y, x) in pixels; `maximum`, in pixels above 0, is
    `flow_maximum(flow)` by default.
    Raises `FlowError` for what is no flow; `OptionError` if the maximum is not a number above 0.
    """
    vectors, valid = flow_vectors(flow)
    if maximum is None:
        maximum = flow_maximum(flow)
    check_float("maximum", maximum, minimum=0, open_minimum=True)
    colors = wheel_colors(*(np.where(valid, vectors, 0.0) / maximum))
    colors[~valid] = UNKNOWN_COLOR
    return colors


def flow_maximum(flow: xr.Dataset) -> float:
    """The displacement in pixels that `flow_colors` gives the full colour by default.

    The length that 95 of 100 displacements stay below, rounded up to a neat number such as 12, 50
    or 80, and at least one pixel. Where the flow says its `consistency`, only those count whose
    forward-backward error is at most a tenth of their length.
    """
    vectors, valid = flow_vectors(flow)
    lengths = np.hypot(*vectors)
    if "consistency" in flow:
        consistent = valid & (flow["consistency"].values <= 0.1 * lengths)
        valid = consistent if consistent.any() else valid
    length = max(1.0, float(np.percentile(lengths[valid], 95))) if valid.any() else 1.0
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
