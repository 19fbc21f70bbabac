"""A picture of transferred points: both photographs with numbered, coloured points."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.spatial import KDTree

from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_float
from .canvas import BLACK, CASING, Canvas, Drawing
from .legend import badge_size, draw_badge, with_legend, with_note
from .matches import read_points
from .pair import AUTO, Points, draw_pair
from .palette import position_colors

_UNIT = 1 / 520  # what all lengths are measured in, as a share of the root of the picture's area
_LETTERS = 10.5  # size of the numbers, in units
_DOT = 3.6  # radius of a point, in units
_ROUND_TRIP = 0.03  # from which share of the diagonal on a point is hollow: two cells of 60
_GREY = (176, 176, 176)  # the colour of a point without a match

Box = tuple[float, float, float, float]
"""left, top, right, bottom in pixels of the picture."""

_DIRECTIONS = np.array(
    [(1, -1), (1, 1), (-1, -1), (-1, 1), (1, 0), (-1, 0), (0, -1), (0, 1)], dtype=float
)
"""From the point to its label, the liked ones first."""
_DISTANCES = (1.0, 2.2, 3.6)
"""How far labels are moved where it is crowded, as multiples of the nearest distance."""
_OVER_LABEL, _OVER_POINT, _OUTSIDE = 4.0, 2.0, 8.0
"""What covering a pixel of another label, of a point, and leaving the bounds costs."""
_FAR = 0.6  # what a distance costs, as a share of the label's own pixels


def draw_keypoints(
    image_a: ImageLike,
    image_b: ImageLike,
    keypoints: xr.Dataset,
    *,
    width: int = 1600,
    layout: str = AUTO,
    masks: tuple[MaskLike | None, MaskLike | None] = (None, None),
    titles: bool = False,
    max_round_trip: float | None = None,
) -> Drawing:
    """Both images with a numbered point for each keypoint.

    The same number and colour mark a point and its place in the target. A point without a match is
    a grey ring, in the source alone; one whose `round_trip_error` is above `max_round_trip`, in
    pixels, by default 3 % of the diagonal, is hollow in both. Names are listed below. `width`,
    `layout`, `masks` and `titles` are those of `draw_matches`.

    `keypoints` hold `source_x`, `source_y`, `target_x`, `target_y` in pixels of the upright images,
    `matched`, and `name` if there are names, along `point`, as `transfer_keypoints` gives them.
    Raises as `draw_matches` does.
    """
    source, target, matched = read_points(keypoints, "matched", "keypoints", "transfer_keypoints")
    place, canvas = draw_pair(
        image_a, image_b, width=width, layout=layout, masks=masks, titles=titles
    )
    unit = max(1.0, (place.width * place.height) ** 0.5 * _UNIT)
    colors = position_colors(source, *place.shape_a[::-1])
    colors[~matched] = _GREY
    if max_round_trip is None:
        max_round_trip = _ROUND_TRIP * float(np.hypot(*place.shape_a))
    check_float("max_round_trip", max_round_trip, minimum=0)
    filled = matched.copy()
    if "round_trip_error" in keypoints.variables:
        # NaN, where the way back leads nowhere, is hollow too.
        filled &= keypoints["round_trip_error"].values <= max_round_trip
    for points, which, corner, size in (
        (place.in_a(source), np.arange(len(source)), (0, place.header), place.size_a),
        (place.in_b(target[matched]), np.flatnonzero(matched), place.corner_b, place.size_b),
    ):
        (left, top), (tall, wide) = corner, size
        bounds = left - 0.5, top - 0.5, left + wide - 0.5, top + tall - 0.5
        tags = [str(number + 1) for number in which]
        _draw_points(canvas, points, tags, colors[which], filled[which], bounds, unit)
    names = enumerate(keypoints["name"].values if "name" in keypoints.variables else [])
    listed = [(str(place + 1), colors[place], str(name)) for place, name in names if name]
    drawing, letters = canvas.finish(), round(_LETTERS * unit)
    if listed:
        drawing = with_legend(drawing, listed, letters)
    if (matched & ~filled).any():
        note = f"hollow: the way there and back misses by more than {max_round_trip:.0f} px"
        drawing = with_note(drawing, note, letters)
    return drawing


def _draw_points(
    canvas: Canvas,
    points: Points,
    numbers: Sequence[str],
    colors: npt.NDArray[np.uint8],
    filled: npt.NDArray[np.bool_],
    bounds: Box,
    unit: float,
) -> None:
    """Draw points and their numbers, which keep within the bounds where they can."""
    letters = round(_LETTERS * unit)
    sizes = np.array([badge_size(number, letters) for number in numbers]).reshape(-1, 2)
    places = place_labels(points, sizes, bounds, radius=(_DOT + 1.6) * unit)
    for point, place, color, full in zip(points, places, colors, filled, strict=True):
        # A ring is left hollow.
        reach = 0 if full else _DOT * unit / max(float(np.hypot(*(place - point))), 1e-9)
        start = point + reach * (place - point)
        canvas.line(start, place, BLACK, 2.6 * unit, CASING)
        canvas.line(start, place, color, 1.2 * unit)
    for point, color, full in zip(points, colors, filled, strict=True):
        if full:
            canvas.dot(point, color, _DOT * unit, (_DOT + 0.8) * unit, (_DOT + 1.6) * unit)
        else:
            canvas.circle(point, BLACK, _DOT * unit, 2.8 * unit, CASING)
            canvas.circle(point, color, _DOT * unit, 1.2 * unit)
    for place, size, color in zip(places, sizes, colors, strict=True):
        draw_badge(canvas, place, size + unit, BLACK, CASING)
        draw_badge(canvas, place, size, color)
    texts = [(number, x, y) for number, (x, y) in zip(numbers, places + 0.5, strict=True)]
    canvas.write(texts, size=letters, anchor="m")


def place_labels(points: Points, sizes: Points, bounds: Box, *, radius: float) -> Points:
    """The centres of labels that lie near their points, (n, 2).

    Greedy: those with the most neighbours choose first, among eight directions and three distances.
    `sizes` (n, 2) are width and height of the labels, which should not leave the bounds nor cover
    the marks of this radius at the points.
    """
    count = len(points)
    centres = points.copy()
    boxes = np.full((count, 4), np.nan)
    marks = np.concatenate([points - radius, points + radius], axis=1)
    reach = 3 * sizes.max(initial=1)
    crowd = KDTree(points).query_ball_point(points, reach, return_length=True)
    placed = np.zeros(count, dtype=bool)
    for one in np.argsort(-crowd, kind="stable"):
        candidates, moved = _candidates(points[one], sizes[one], radius)
        own = np.concatenate([candidates - sizes[one] / 2, candidates + sizes[one] / 2], axis=1)
        others = np.arange(count) != one
        cost = _OVER_LABEL * _overlap(own, boxes[placed]).sum(axis=1)
        cost += _OVER_POINT * _overlap(own, marks[others]).sum(axis=1)
        inside = _overlap(own, np.array([bounds]))[:, 0]
        area = float(np.prod(sizes[one]))
        cost += _OUTSIDE * (area - inside) + _FAR * area * (moved - 1)
        best = int(np.argmin(cost))
        centres[one], boxes[one], placed[one] = candidates[best], own[best], True
    return centres


def _candidates(point: Points, size: Points, radius: float) -> tuple[Points, Points]:
    """Centres (candidate, 2), and how far each is moved as a multiple of the nearest distance."""
    # Towards a corner a label may come nearer: its own corner touches the mark.
    slack = np.where(np.abs(_DIRECTIONS).sum(axis=1) == 2, 0.75, 1.15)[:, None] * radius
    nearest = _DIRECTIONS * (size / 2 + slack)
    centres = np.concatenate([point + distance * nearest for distance in _DISTANCES])
    return centres, np.repeat(_DISTANCES, len(_DIRECTIONS))


def _overlap(boxes: Points, others: Points) -> Points:
    """The area that each box (n, 4) shares with each other one (m, 4): (n, m)."""
    left, top, right, bottom = zip(boxes.T[:, :, None], others.T[:, None], strict=True)
    wide = np.minimum(*right) - np.maximum(*left)
    tall = np.minimum(*bottom) - np.maximum(*top)
    shared: Points = np.maximum(wide, 0) * np.maximum(tall, 0)
    return shared
