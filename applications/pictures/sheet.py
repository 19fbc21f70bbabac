"""Pictures in rows and columns on white, with labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from ...descriptors.runtime.memory import check_fits
from .canvas import LEADING, Canvas, Drawing
from .letters import fitting, text_width
from .painting import View

Label = Sequence[str]
"""Lines of text below each other."""

_GAP = 0.006  # space between pictures, as a share of the width
_LETTERS = 1 / 62  # size of letters, as a share of the width
_GUTTER = 0.2  # space for the labels of rows, at most, as a share of the width
_TALLEST, _TALLEST_LABELLED = 1.6, 1.25
"""Height of a sheet, at most, as a multiple of the width that was asked for, without and with
labels of its rows."""

_PER_PIXEL, _PER_PIXEL_WRITTEN = 20, 13
"""Bytes that a pixel of a sheet with labels takes while it is drawn; and a pixel of other sheets,
with Pillow's copy of it while it is written."""


def draw_sheet(
    rows: Sequence[Sequence[View]],
    aspects: Sequence[float],
    *,
    width: int,
    row_labels: Sequence[Label] = (),
    column_labels: Sequence[str] = (),
) -> Drawing:
    """All views in rows and columns.

    All rows have as many views, and all views one height; `aspects` are the widths of the columns
    as multiples of it. The sheet is `width` pixels wide, or narrower where it would be too high.
    `row_labels` are lines of text to the left of each row, `column_labels` a line above each
    column.
    """
    titles = [(label,) for label in column_labels]
    layout = _Layout.of(len(rows), aspects, width, row_labels, titles)
    letters = layout.letters
    sheet = _blank(layout.height, layout.width, _PER_PIXEL)
    _fill(sheet, rows, layout, titles)
    labels = []
    for top, lines in zip(layout.tops, row_labels, strict=bool(row_labels)):
        room = max(1, int(layout.tall / (letters * LEADING)))
        texts = [fitting(line, letters, layout.gutter - 2 * layout.gap) for line in lines[:room]]
        labels.append(("\n".join(texts), layout.gap, top + layout.tall / 2))
    sheet.write(labels, size=letters)
    return sheet.finish()


def _blank(height: int, width: int, per_pixel: int) -> Canvas:
    what = f"a picture of {width} x {height} pixels"
    check_fits(per_pixel * width * height, what, "lower width (--width)")
    return Canvas.blank(height, width)


def _fill(
    sheet: Canvas,
    rows: Sequence[Sequence[View]],
    layout: "_Layout",
    titles: Sequence[Label],
    left: int = 0,
    top: int = 0,
) -> None:
    """Draw views, and titles of columns, where they lie on a sheet, which begins at a place."""
    for down, views in zip(layout.tops, rows, strict=True):
        for across, wide, view in zip(layout.lefts, layout.widths, views, strict=True):
            sheet.put(view(layout.tall, wide), left + across, top + down)
    for across, wide, title in zip(layout.lefts, layout.widths, titles, strict=bool(titles)):
        text = "\n".join(fitting(line, layout.letters, wide) for line in title)
        place = left + across + wide / 2, top + layout.header / 2
        sheet.write([(text, *place)], size=layout.letters, anchor="m")


def _letters(width: int) -> int:
    return max(11, round(width * _LETTERS))


@dataclass(frozen=True)
class _Layout:
    """Where everything lies on a sheet, in pixels."""

    tall: int
    widths: list[int]
    rows: int
    gap: int
    gutter: int
    header: int
    letters: int

    @property
    def lefts(self) -> list[int]:
        steps = (wide + self.gap for wide in self.widths[:-1])
        return list(accumulate(steps, initial=self.gutter))

    @property
    def tops(self) -> list[int]:
        return [self.header + row * (self.tall + self.gap) for row in range(self.rows)]

    @property
    def width(self) -> int:
        return self.lefts[-1] + self.widths[-1]

    @property
    def height(self) -> int:
        return self.tops[-1] + self.tall

    @classmethod
    def of(
        cls,
        rows: int,
        aspects: Sequence[float],
        width: int,
        row_labels: Sequence[Label] = (),
        titles: Sequence[Label] = (),
        letters: int = 0,
    ) -> "_Layout":
        gap = max(2, round(width * _GAP))
        letters = letters or _letters(width)
        widest = max((text_width(line, letters) for one in row_labels for line in one), default=0)
        gutter = min(round(widest) + 3 * gap, round(width * _GUTTER)) if widest else 0
        most = max(map(len, titles), default=0)
        header = round(letters * (0.6 + LEADING * most)) if most else 0
        room = width - gutter - gap * (len(aspects) - 1)
        highest = width * (_TALLEST_LABELLED if row_labels else _TALLEST)
        fitting_height = (highest - header - gap * (rows - 1)) / rows
        tall = min(room / sum(aspects), fitting_height)
        if min(aspects) * tall < 1:
            # The thinnest pictures get a pixel that the others must spare.
            tall = min(tall, (room - len(aspects)) / sum(aspects))
        tall = max(1.0, tall)
        widths = [max(1, int(tall * aspect + 1e-6)) for aspect in aspects]
        return cls(int(tall + 1e-6), widths, rows, gap, gutter, header, letters)


def arrange(aspects: Sequence[float], widest: float = 5.0) -> list[list[int]]:
    """The places of pictures of these aspects, in as few lines as hold them, filled evenly.

    `widest` is the sum of aspects that a line holds.
    """
    count = min(max(1, -(-round(sum(aspects) * 1000) // round(widest * 1000))), len(aspects))
    ends = np.cumsum([0.0, *aspects])
    # What a line from one picture up to another adds to the sum of squares, which is the least.
    cost = (ends - ends[:, None] - ends[-1] / count) ** 2
    cost[np.tril_indices(len(ends))] = np.inf
    best, starts = cost[0], []
    for _ in range(count - 1):
        starts.append((best[:, None] + cost).argmin(axis=0))
        best = (best[:, None] + cost).min(axis=0)
    edges = [len(aspects)]
    for start in reversed(starts):
        edges.append(int(start[edges[-1]]))
    return [list(range(*line)) for line in pairwise([0, *reversed(edges)])]


def draw_gallery(
    parts: Sequence[Sequence[View]],
    aspects: Sequence[float],
    *,
    width: int,
    titles: Sequence[Label] = (),
    widest: float = 5.0,
    letters: int = 0,
) -> Drawing:
    """Pictures of one height in lines, each line in the middle, with some space between.

    `parts` are the views that every picture has, below each other, and `titles` stand above it.
    `width` is that of the widest line, `widest` the sum of aspects that a line holds, and `letters`
    the size of letters in pixels.
    """
    lines = arrange(aspects, widest)
    columns = [[aspects[place] for place in line] for line in lines]
    sheets = [[[part[place] for place in line] for part in parts] for line in lines]
    most = max(map(sum, columns))
    widths = [round(width * sum(line) / most) for line in columns]
    above = [[titles[place] for place in line] if titles else () for line in lines]
    letters = letters or _letters(max(widths))
    layouts = [
        _Layout.of(len(parts), aspect, width, (), names, letters)
        for aspect, width, names in zip(columns, widths, above, strict=True)
    ]
    wide = max(layout.width for layout in layouts)
    gap = max(2, round(wide * _GAP)) * 2
    high = sum(layout.height + gap for layout in layouts) - gap
    picture = _blank(high, wide, _PER_PIXEL_WRITTEN)
    top = 0
    for rows, layout, names in zip(sheets, layouts, above, strict=True):
        _fill(picture, rows, layout, names, (wide - layout.width) // 2, top)
        top += layout.height + gap
    return picture.finish()
