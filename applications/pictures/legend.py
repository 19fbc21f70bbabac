"""Lists of colours and names beneath pictures."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from .canvas import Canvas, Drawing
from .letters import fitting, text_width
from .painting import Picture
from .palette import score_colors


def with_legend(picture: Picture, entries: Sequence[tuple[str, Any, str]], size: int) -> Drawing:
    """A copy of the picture above all entries in columns.

    An entry, of which there is at least one, is what stands on the badge, its colour and the name
    beside it. A name that is long takes several columns, and is cut where it is wider than the
    picture. `size` is that of letters in pixels; from five rows on they are smaller.
    """
    width = picture.shape[1]
    places = _places(entries, size, width)
    if places[-1][1] >= 4:
        size = max(min(size, 10), round(0.75 * size))
        places = _places(entries, size, width)
    height, margin = 1.9 * size, 0.6 * size
    top = len(picture)
    canvas = _above(picture, round((places[-1][1] + 1) * height + margin))
    tags, names = [], []
    for (tag, color, name), (x, row) in zip(entries, places, strict=True):
        badge, y = badge_size(tag, size), top + margin / 2 + (row + 0.5) * height
        draw_badge(canvas, (x + badge[0] / 2, y), badge, color)
        left = x + badge[0] + 0.5 * size
        tags.append((tag, x + badge[0] / 2 + 0.5, y + 0.5))
        names.append((fitting(name, size, width - margin - left), left, y + 0.5))
    canvas.write(tags, size=size, anchor="m")
    canvas.write(names, size=size)
    return canvas.finish()


def _above(picture: Picture, room: int) -> Canvas:
    """The picture, with white of a height below."""
    height, width = picture.shape[:2]
    canvas = Canvas.blank(height + room, width)
    canvas.put(picture, 0, 0)
    return canvas


def _places(
    entries: Sequence[tuple[str, Any, str]], size: int, width: int
) -> list[tuple[float, int]]:
    """Where each entry begins, in pixels from the left, and its row."""
    room = width - 1.2 * size
    gaps = 2.1 * size
    wholes = [badge_size(tag, size)[0] + text_width(name, size) + gaps for tag, _, name in entries]
    # Most entries take one column; the gap behind the last one may leave the picture.
    usual = 1.5 * float(np.median(wholes))
    step = min(max(whole for whole in wholes if whole <= usual), room)
    columns = int((room + 1.6 * size) // step)
    column, row, places = 0, 0, []
    for whole in wholes:
        span = ceil(whole / step - 1e-6)
        if column and column + span > columns:
            column, row = 0, row + 1
        places.append((0.6 * size + column * step, row))
        column += span
    return places


def badge_size(text: str, size: int) -> tuple[float, float]:
    """Width and height of what a number stands on, which is as wide as it is high at least."""
    height = 1.25 * size
    return max(height, text_width(text, size) + 0.7 * size), height


def draw_badge(canvas: Canvas, place: Any, size: Any, color: Any, opacity: float = 1.0) -> None:
    """A bar with round ends, its middle at (x, y)."""
    x, y = place
    reach = (size[0] - size[1]) / 2
    canvas.line((x - reach, y), (x + reach, y), color, size[1], opacity)


def with_note(picture: Picture, text: str, size: int) -> Drawing:
    """A copy of the picture above a line of text, which is cut where it is wider."""
    height, width = picture.shape[:2]
    canvas = _above(picture, 2 * size)
    canvas.write([(fitting(text, size, width - 1.2 * size), 0.6 * size, height + size)], size=size)
    return canvas.finish()


def with_numbers(picture: Picture, colors: npt.NDArray[np.uint8], size: int) -> Drawing:
    """A copy of the picture above a strip of colours (n, 3), with their numbers from 1 on."""
    height, width = picture.shape[:2]
    strip = round(1.7 * size)
    canvas = _above(picture, round(0.5 * size) + strip)
    edges = np.rint(np.linspace(0, width, len(colors) + 1)).astype(int)
    top = height + round(0.5 * size)
    for number, (color, left, right) in enumerate(zip(colors, edges, edges[1:], strict=False), 1):
        canvas.put(np.full((strip, right - left, 3), color, np.uint8), int(left), top)
        place = (left + right) / 2, top + strip / 2
        draw_badge(canvas, np.array(place) - 0.5, badge_size(str(number), size), (255, 255, 255))
        canvas.write([(str(number), *place)], size=size, anchor="m")
    return canvas.finish()


def with_color_bar(picture: Picture, title: str, low: float, high: float, letters: int) -> Drawing:
    """A copy of the picture above the colours of `score_colors`, between the ends of their range.

    `letters` is the size of the letters in pixels.
    """
    height, width = picture.shape[:2]
    canvas = _above(picture, 2 * letters)
    texts = [f"{title}  {low:.3f}", f"{high:.3f}"]
    before, after = (text_width(text, letters) for text in texts)
    left = round(letters + before)
    long = max(1, min(18 * letters, round(width - 2 * letters - left - after)))
    y = height + letters
    colors = score_colors(np.linspace(0, 1, long), 0, 1)
    bar = np.broadcast_to(colors, (max(4, round(0.8 * letters)), long, 3))
    canvas.put(bar, left, y - len(bar) // 2)
    canvas.write([(texts[0], 0.5 * letters, y)], size=letters)
    canvas.write([(texts[1], left + long + 0.5 * letters, y)], size=letters)
    return canvas.finish()
