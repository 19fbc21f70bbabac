"""Pictures in rows and columns on white, with labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ...descriptors.runtime.memory import check_fits
from .canvas import LEADING, Canvas, Drawing
from .letters import fitting, text_width
from .painting import View

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
    row_labels: Sequence[Sequence[str]] = (),
    column_labels: Sequence[str] = (),
) -> Drawing:
    """All views in rows and columns.

    All rows have as many views, and all views one height; `aspects` are the widths of the columns
    as multiples of it. The sheet is `width` pixels wide, or narrower where it would be too high.
    `row_labels` are lines of text to the left of each row, `column_labels` a line above each
    column.
    """
    layout = _Layout.of(len(rows), aspects, width, row_labels, bool(column_labels))
    letters = layout.letters
    sheet = _blank(layout.height, layout.width, _PER_PIXEL)
    _fill(sheet, rows, layout, column_labels)
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
    titles: Sequence[str],
    left: int = 0,
    top: int = 0,
) -> None:
    """Draw views, and titles of columns, where they lie on a sheet, which begins at a place."""
    for down, views in zip(layout.tops, rows, strict=True):
        for across, wide, view in zip(layout.lefts, layout.widths, views, strict=True):
            sheet.put(view(layout.tall, wide), left + across, top + down)
    for across, wide, title in zip(layout.lefts, layout.widths, titles, strict=bool(titles)):
        text = fitting(title, layout.letters, wide)
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
        row_labels: Sequence[Sequence[str]] = (),
        has_header: bool = False,
        letters: int = 0,
    ) -> "_Layout":
        gap = max(2, round(width * _GAP))
        letters = letters or _letters(width)
        widest = max((text_width(line, letters) for one in row_labels for line in one), default=0)
        gutter = min(round(widest) + 3 * gap, round(width * _GUTTER)) if widest else 0
        header = round(letters * 1.9) if has_header else 0
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
    lines = max(1, -(-round(sum(aspects) * 1000) // round(widest * 1000)))
    wanted = sum(aspects) / min(lines, len(aspects))
    placed: list[list[int]] = [[]]
    filled = 0.0
    for index, aspect in enumerate(aspects):
        if placed[-1] and filled + aspect / 2 > wanted * len(placed):
            placed.append([])
        placed[-1].append(index)
        filled += aspect
    return placed


def draw_sheets(
    sheets: Sequence[Sequence[Sequence[View]]],
    aspects: Sequence[Sequence[float]],
    *,
    widths: Sequence[int],
    titles: Sequence[Sequence[str]] = (),
) -> Drawing:
    """Sheets under each other, each in the middle, with some space between.

    Of each the rows, the aspects, the width and the titles of columns are those of `draw_sheet`.
    """
    above = titles or [()] * len(sheets)
    layouts = [
        _Layout.of(len(rows), aspect, width, (), bool(names), _letters(max(widths)))
        for rows, aspect, width, names in zip(sheets, aspects, widths, above, strict=True)
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
