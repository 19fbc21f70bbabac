"""A contact sheet of a search: what was looked for, and the place in each image that holds it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from textwrap import wrap
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Image, read_image
from ...descriptors.errors import ImageError, OptionError
from ...descriptors.features.maps import Points, point_array
from ...descriptors.image.masks import MaskLike, read_mask
from ...descriptors.image.reading import ImageLike
from ..search.part import box_corners
from .canvas import BLACK, Canvas, Drawing
from .letters import text_size, text_width
from .painting import NEUTRAL, Picture, View, check_width, resize_photograph
from .palette import CLUSTER_COLORS
from .sheet import draw_gallery

_MARK = CLUSTER_COLORS[4]
_RING = 1 / 32  # radius of a ring, as a share of the height of a picture
_LINE = 1 / 130  # thickness of lines, likewise
_SMOOTH = 1 / 600  # how far the outline of a mask may be off, as a share of its longer side
_NARROWEST, _WIDEST = 4.2, 10.0  # sum of the aspects of a line of few pictures, and of many
_LETTERS = 1 / 20  # size of letters, as a share of the height of pictures, where that is less

Numbers: TypeAlias = npt.NDArray[np.float64]

_NOWHERE: Numbers = np.empty((0, 2))


@dataclass(frozen=True, eq=False)
class _Marks:
    """Polygons and rings on an image: places (n, 2), as x, y in its pixels."""

    polygons: Sequence[Numbers]
    rings: Numbers


def draw_hits(
    hits: xr.Dataset,
    query: ImageLike,
    photographs: Callable[[str], ImageLike],
    *,
    points: Points | None = None,
    box: Sequence[float] | None = None,
    mask: MaskLike | None = None,
    width: int = 1600,
    titles: bool = True,
) -> Drawing:
    """A contact sheet of a search: the query first, then its hits, best first.

    The part is marked in the query, by its outline, and in each hit, where the quadrilateral of its
    box lies; a ring is around each point, or what stands for it in a hit. A hit whose photograph
    can't be read, or has another size than the hit says, is grey and says why.

    Args:
        hits: What `Index.search` gives.
        query: The photograph of the query.
        photographs: What gives the photograph of a hit by its name in the index, or raises
            `ImageError`: `lambda key: index.photograph(key)[1]`.
        points, box, mask: The part, as it was given to `Index.search`.
        width: Of the picture, in pixels, or a little less.
        titles: Whether rank, name, score and agreement stand above the hits, and the name above the
            query.

    Raises:
        ImageError: The query or the mask can't be read.
        PointError: The points or the box are none.
        OptionError: More than one part is given, or the width is out of range.
    """
    check_width(width)
    if sum(one is not None for one in (points, box, mask)) > 1:
        raise OptionError("points, mask and box exclude each other", hint="give one of them")
    image = read_image(query)
    places = None if points is None else point_array(points)
    labels = [[f"query: {image.name}", _part(places, box, mask)]]
    views: list[View] = []
    aspects = [image.width / image.height]
    own = _Marks(_outline(image, box, mask), _NOWHERE if places is None else places)
    for rank, key in enumerate(hits["image"].values, 1):
        hit = hits.isel(hit=rank - 1)
        marks, around = _place(hit, places)
        if around is not None:
            own = _Marks([around], own.rings)
        size = int(hit["image_height"]), int(hit["image_width"])
        views.append(partial(_draw_hit, photographs, key, size, marks))
        aspects.append(size[1] / size[0])
        agreement = [f"{float(hit['agreement']):.0%} agree"] if marks.polygons else []
        labels.append([f"{rank}: {key}", f"score {float(hit['score']):.3f}", *agreement])
    views.insert(0, partial(_draw, image.pixels, own))
    widest = max(*aspects, min(max(_NARROWEST, sqrt(sum(aspects))), _WIDEST))
    letters = max(11, min(text_size(width), round(width / widest * _LETTERS)))
    together = [", ".join(measures) for _, *measures in labels[1:]]
    longest = max((text_width(line, letters) for line in together), default=0)
    if longest <= width / widest * min(aspects):
        labels[1:] = [[name, line] for (name, *_), line in zip(labels[1:], together, strict=True)]
    return draw_gallery(
        [views],
        aspects,
        width=width,
        titles=labels if titles else (),
        widest=widest,
        letters=letters,
    )


def _part(points: Numbers | None, box: Sequence[float] | None, mask: MaskLike | None) -> str:
    """What is looked for, in words."""
    if box is not None:
        return "box " + ", ".join(f"{side:g}" for side in box)
    if points is None:
        return "the whole image" if mask is None else "mask"
    return "point {:g}, {:g}".format(*points[0]) if len(points) == 1 else f"{len(points)} points"


def _outline(image: Image, box: Sequence[float] | None, mask: MaskLike | None) -> list[Numbers]:
    """The polygons around the box or the mask, if there is one."""
    if box is not None:
        return [box_corners(box)]
    if mask is None:
        return []
    name = f"the mask of {image.name}"
    inside = read_mask(mask, height=image.height, width=image.width, name=name)
    contours = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    off = _SMOOTH * max(inside.shape)
    return [cv2.approxPolyDP(one, off, closed=True)[:, 0].astype(float) for one in contours]


def _place(hit: xr.Dataset, points: Numbers | None) -> tuple[_Marks, Numbers | None]:
    """The marks of a hit; of points, also the box in the query around the cells that vote.

    The middle of the box around the points is where the hit says that it is.
    """
    corners = np.stack([hit["corner_x"], hit["corner_y"]], axis=-1)
    polygons = [corners] if np.ptp(corners, axis=0).any() else []
    if points is None:
        return _Marks(polygons, _NOWHERE if polygons else corners[:1]), None
    linear = hit["scale"].values * np.exp(1j * np.radians(hit["angle"].values))
    turn = np.conj if hit["reflected"] else np.asarray
    here, there = (points.min(axis=0) + points.max(axis=0)) / 2, corners.mean(axis=0)
    forth = turn((points - here) @ [1, 1j]) * linear
    back = turn((corners - there) @ [1, 1j] / linear)
    around = here + np.stack([back.real, back.imag], axis=-1)
    rings = there + np.stack([forth.real, forth.imag], axis=-1)
    return _Marks(polygons, rings), around if polygons else None


def _draw(pixels: Picture, marks: _Marks, height: int, width: int) -> Drawing:
    """A photograph with its marks."""
    canvas = Canvas(resize_photograph(pixels, height, width), [], [])
    scale = np.array([width / pixels.shape[1], height / pixels.shape[0]])
    thickness, radius = max(1.5, height * _LINE), max(4.0, height * _RING)
    polygons = [
        _clip((one + 0.5) * scale - 0.5, thickness, (width, height)) for one in marks.polygons
    ]
    for color, thick in ((BLACK, 2 * thickness), (_MARK, thickness)):
        for polygon in polygons:
            for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
                canvas.line(start, end, color, thick)
        for place in (marks.rings + 0.5) * scale - 0.5:
            canvas.circle(place, color, radius, thick)
    return canvas.finish()


def _clip(polygon: Numbers, margin: float, size: tuple[int, int]) -> Numbers:
    """The part of a polygon inside a picture of a width and a height, less a margin.

    Side by side of the picture (Sutherland and Hodgman, CACM 1974).
    """
    for axis, length in enumerate(size):
        for sign in (1, -1):
            depth = sign * (polygon[:, axis] - (length - 1) / 2) + (length - 1) / 2 - margin
            after, deeper = np.roll(polygon, -1, axis=0), np.roll(depth, -1)
            crosses = (depth < 0) != (deeper < 0)
            share = depth / np.where(crosses, depth - deeper, 1)
            both = np.stack([polygon, polygon + share[:, None] * (after - polygon)], axis=1)
            polygon = both[np.stack([depth >= 0, crosses], axis=1)]
    return polygon


def _draw_hit(
    photographs: Callable[[str], ImageLike],
    key: str,
    size: tuple[int, int],
    marks: _Marks,
    height: int,
    width: int,
) -> Drawing:
    """The photograph of a hit with its marks; grey, with the reason, where there is none."""
    try:
        image = read_image(photographs(key))
        if image.pixels.shape[:2] == size:
            return _draw(image.pixels, marks, height, width)
        reason = f"it has {image.width} x {image.height} pixels, not {size[1]} x {size[0]}"
    except ImageError as error:
        reason = error.message
    canvas = Canvas(np.full((height, width, 3), NEUTRAL, np.uint8), [], [])
    letters = max(11, round(height * _LETTERS))
    # A letter is about half as wide as it is high.
    lines = wrap(reason, max(4, int(1.8 * width / letters)), max_lines=4, placeholder=" ...")
    canvas.write([("\n".join(lines), width / 2, height / 2)], size=letters, anchor="m")
    return canvas.finish()
