"""A picture of matches: lines that join places of two photographs."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.errors import InvalidFeaturesError
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_choice, check_float
from .canvas import BLACK, Drawing
from .legend import with_color_bar, with_legend
from .letters import text_size
from .pair import AUTO, Points, draw_pair
from .palette import REJECTED, VERIFIED, position_colors, score_colors

COLORS = "position", "score", "verified"
OPACITY = 0.65

_LINE = 1 / 760  # thickness of a line, as a share of the root of the picture's area
_DOT = 1 / 520  # what a dot is measured in, likewise
_REJECTED = 90  # a grey, which is no colour of a place


def read_points(
    points: xr.Dataset, other: str, what: str, origin: str
) -> tuple[Points, Points, npt.NDArray[np.bool_]]:
    """Source and target, (n, 2), and which are matched: all, where `points` doesn't say.

    Raises `InvalidFeaturesError` if a coordinate or the variable `other` is missing, or a
    coordinate of a match is not finite; `what` and `origin` are what it calls points and their
    function.
    """
    hint = f"draw what {origin} gives"
    names = [f"{side}_{axis}" for side in ("source", "target") for axis in "xy"]
    for name in (*names, other):
        if name not in points.variables:
            raise InvalidFeaturesError(f"the {what} have no variable {name!r}", hint=hint)
    values = np.stack([np.asarray(points[name].values, float) for name in names], axis=-1)
    matched = np.ones(values.shape[:-1], dtype=bool)
    if "matched" in points.variables:
        matched = np.asarray(points["matched"].values, dtype=bool)
    source, target = values[..., :2], values[..., 2:]
    finite = np.isfinite(source).all() and np.isfinite(target[matched]).all()
    if source.ndim != 2 or not finite:
        raise InvalidFeaturesError(f"the {what} are not a list of finite points", hint=hint)
    return source, target, matched


def draw_matches(
    image_a: ImageLike,
    image_b: ImageLike,
    matches: xr.Dataset,
    *,
    width: int = 1600,
    layout: str = AUTO,
    color: str = "position",
    opacity: float = OPACITY,
    masks: tuple[MaskLike | None, MaskLike | None] = (None, None),
    titles: bool = False,
) -> Drawing:
    """Both images with a line for each match; the best matches lie on top.

    Some dozens can be told apart. Raises `ImageError` if an image or a mask can't be used;
    `InvalidFeaturesError` if the matches lack a variable, or hold values that are not finite;
    `OptionError` for a setting that is out of range.

    Args:
        image_a, image_b: Source and target.
        matches: `source_x`, `source_y`, `target_x`, `target_y` in pixels of the upright images, and
            `score`, along `match`, as `to_matches` gives them.
        width: Of the picture in pixels, about: less for tall images, and more for panoramas.
        layout: `beside` or `stacked`; `auto` sets wide images one above the other.
        color: `position`, where in image a the match begins; `score`, from dark to bright, with a
            bar beneath; `verified`, whether it is an `inlier`, a variable of the matches. Those
            that a verifier rejected lie beneath the others, in grey otherwise.
        opacity: Of the lines, from 0 to 1.
        masks: Of source and target: outside, the photograph is dimmed.
        titles: Whether the names of source and target stand above them.
    """
    check_float("opacity", opacity, minimum=0, maximum=1)
    check_choice("color", color, COLORS)
    source, target, _ = read_points(
        matches, "inlier" if color == "verified" else "score", "matches", "to_matches"
    )
    place, canvas = draw_pair(
        image_a, image_b, width=width, layout=layout, masks=masks, titles=titles
    )
    score = np.asarray(matches["score"].values, dtype=float)
    inlier = np.ones(len(score), dtype=bool)
    if "inlier" in matches:
        inlier = np.asarray(matches["inlier"].values, dtype=bool)
    if color == "verified":
        colors = np.where(inlier[:, None], VERIFIED, REJECTED)
    elif color == "score":
        colors = score_colors(score, *_range(score))
    else:
        colors = position_colors(source, *place.shape_a[::-1])
    if color != "verified":
        colors[~inlier] = _REJECTED
    # The last line drawn lies on top: the best one.
    order = np.lexsort((score, inlier))
    starts, ends, colors = place.in_a(source)[order], place.in_b(target)[order], colors[order]
    side = (canvas.pixels.shape[0] * canvas.pixels.shape[1]) ** 0.5
    thickness, dot = max(1.0, side * _LINE), max(1.0, side * _DOT)
    for start, end, one in zip(starts, ends, colors, strict=True):
        canvas.line(start, end, BLACK, 2.2 * thickness, 0.3 * opacity)
        canvas.line(start, end, one, thickness, opacity)
    for places in (starts, ends):
        for at, one in zip(places, colors, strict=True):
            canvas.dot(at, one, 2 * dot, 2.5 * dot, 3.2 * dot)
    drawing = canvas.finish()
    letters = text_size(place.width)
    if color == "verified" and len(inlier):
        kinds = [("", VERIFIED, "verified"), ("", REJECTED, "rejected")]
        both = zip(kinds, (inlier.any(), not inlier.all()), strict=True)
        return with_legend(drawing, [kind for kind, is_there in both if is_there], letters)
    if color == "score" and len(score):
        return with_color_bar(drawing, "score", *_range(score), letters)
    return drawing


def _range(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
