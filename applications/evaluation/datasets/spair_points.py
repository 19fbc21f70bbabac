"""Which numbered point of SPair-71k takes the place of which in a mirror image."""

from functools import cache

POINTS = 30
"""Points are numbered from 0; no category uses all of the numbers."""

# Per category the pairs of points that change places when an image is mirrored: left and right of
# one part. From the tables that accompany adaptive pose alignment (Zhang et al., Telling Left from
# Right, CVPR 2024, github.com/Junyi42/GeoAware-SC, utils/utils_geoware.py), which list these swaps
# and, separately, the side of each point; the two agree for all 18 categories.
_SWAPS: dict[str, tuple[tuple[int, int], ...]] = {
    "aeroplane": tuple((n, n + 1) for n in range(4, 22, 2)),
    "bicycle": ((2, 3), (6, 7), (9, 10)),
    "bird": ((1, 2), (4, 5), (7, 8), (10, 11), (12, 13), (14, 15)),
    "boat": tuple((n, n + 1) for n in range(1, 13, 2)),
    "bottle": tuple((n, n + 1) for n in range(0, 10, 2)),
    "bus": (
        *((0, 1), (2, 3), (5, 6), (10, 20), (11, 21), (12, 22), (13, 23), (14, 24), (15, 25)),
        *((16, 17), (18, 19), (26, 27), (28, 29)),
    ),
    "car": (
        *((0, 1), (2, 3), (6, 7), (10, 20), (11, 21), (12, 22), (13, 23), (14, 24), (15, 25)),
        *((16, 17), (18, 19), (26, 27), (28, 29)),
    ),
    "cat": ((0, 1), (2, 3), (4, 5), (6, 7), (9, 10), (11, 12)),
    "chair": tuple((n, n + 1) for n in range(0, 14, 2)),
    "cow": ((0, 1), (2, 3), (4, 5), (6, 7), (9, 10), (11, 12), (15, 16), (17, 18), (19, 20)),
    "dog": ((0, 1), (2, 3), (4, 5), (9, 10), (11, 12)),
    "horse": ((0, 1), (2, 3), (4, 5), (6, 7), (10, 11), (12, 13), (16, 17), (18, 19)),
    "motorbike": ((0, 1), (2, 3)),
    "person": (*((0, 1), (2, 3), (8, 9), (10, 11), (12, 13), (14, 15), (16, 17), (18, 19)),),
    "pottedplant": ((0, 2), (4, 5), (6, 8)),
    "sheep": ((0, 1), (2, 3), (4, 5), (6, 7), (9, 10), (11, 12), (15, 16), (17, 18), (19, 20)),
    "train": tuple((n, n + 1) for n in range(0, 18, 2)),
    "tvmonitor": ((0, 2), (3, 7), (4, 6), (8, 10), (11, 15), (12, 14)),
}


@cache
def mirrored_points(category: str) -> tuple[int, ...] | None:
    """For each of the 30 points the one in its place in the mirror image; None if not known.

    A point on the axis, and a number that the category doesn't use, is its own.
    """
    if category not in _SWAPS:
        return None
    places = list(range(POINTS))
    for one, other in _SWAPS[category]:
        places[one], places[other] = other, one
    return tuple(places)
