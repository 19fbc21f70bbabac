"""Where labels go: near their points, and off each other."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

Points = npt.NDArray[np.float64]
"""(n, 2), x and y in pixels of the picture."""
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
_FAR = 0.6
"""What a distance costs, as a share of the label's own pixels."""


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
