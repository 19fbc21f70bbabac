"""Pictures in rows and columns on white, with labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ...descriptors.runtime.memory import check_fits
from .captions import fitting, text_width, write_texts
from .painting import Picture

View: TypeAlias = Callable[[int, int], Picture]
"""What draws a picture of the height and width that it is asked for."""

_GAP = 0.006
"""Space between pictures, as a share of the width."""
_LETTERS = 1 / 62
"""Size of letters, as a share of the width."""
_GUTTER = 0.2
"""Space for the labels of rows, at most, as a share of the width."""
_TALLEST = 1.6
"""Height of the sheet, at most, as a share of the width that was asked for."""

_PER_PIXEL = 20
"""Bytes that a pixel of the sheet takes while it is drawn."""
_PER_PIXEL_WRITTEN = 7
"""Bytes that a pixel takes, and Pillow's copy of it while it is written."""


def draw_sheet(
    rows: Sequence[Sequence[View]],
    aspects: Sequence[float],
    *,
    width: int,
    row_labels: Sequence[Sequence[str]] = (),
    column_labels: Sequence[str] = (),
    tallest: float = _TALLEST,
) -> Picture:
    """All views in rows and columns, uint8 (height, width, 3) RGB.

    All rows have as many views, and all views one height; `aspects` are the widths of the columns
    as multiples of it. The sheet is `width` pixels wide, or narrower where it would be more than
    `tallest` times as high. `row_labels` are lines of text to the left of each row, `column_labels`
    a line above each column.
    """
    layout = _Layout.of(len(rows), aspects, width, row_labels, bool(column_labels), tallest)
    what = f"a picture of {layout.width} x {layout.height} pixels"
    check_fits(_PER_PIXEL * layout.width * layout.height, what, "lower width (--width)")
    sheet = np.full((layout.height, layout.width, 3), 255, dtype=np.uint8)
    _fill(sheet, rows, layout)
    return _write_labels(sheet, layout, row_labels, column_labels)


def _fill(sheet: Picture, rows: Sequence[Sequence[View]], layout: "_Layout") -> None:
    """Draw the views where they lie on a sheet."""
    for top, views in zip(layout.tops, rows, strict=True):
        for left, wide, view in zip(layout.lefts, layout.widths, views, strict=True):
            sheet[top : top + layout.tall, left : left + wide] = view(layout.tall, wide)


def _write_labels(
    sheet: Picture,
    layout: "_Layout",
    row_labels: Sequence[Sequence[str]],
    column_labels: Sequence[str],
) -> Picture:
    """The sheet with its labels beside the rows and above the columns."""
    for top, lines in zip(layout.tops, row_labels, strict=bool(row_labels)):
        fitted = [fitting(line, layout.letters, layout.gutter - 2 * layout.gap) for line in lines]
        label = "\n".join(fitted), layout.gap, top + layout.tall / 2
        sheet = write_texts(sheet, [label], size=layout.letters)
    for left, wide, text in zip(
        layout.lefts, layout.widths, column_labels, strict=bool(column_labels)
    ):
        title = fitting(text, layout.letters, wide), left + wide / 2, layout.header / 2
        sheet = write_texts(sheet, [title], size=layout.letters, anchor="m")
    return sheet


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
    def width(self) -> int:
        return self.gutter + sum(self.widths) + self.gap * (len(self.widths) - 1)

    @property
    def height(self) -> int:
        return self.header + self.rows * self.tall + self.gap * (self.rows - 1)

    @property
    def lefts(self) -> list[int]:
        ends = np.cumsum([0, *(wide + self.gap for wide in self.widths[:-1])])
        return [self.gutter + int(end) for end in ends]

    @property
    def tops(self) -> list[int]:
        return [self.header + row * (self.tall + self.gap) for row in range(self.rows)]

    @classmethod
    def of(
        cls,
        rows: int,
        aspects: Sequence[float],
        width: int,
        row_labels: Sequence[Sequence[str]],
        has_header: bool,
        tallest: float,
    ) -> "_Layout":
        gap = max(2, round(width * _GAP))
        letters = max(11, round(width * _LETTERS))
        widest = max((text_width(line, letters) for one in row_labels for line in one), default=0)
        gutter = min(round(widest) + 3 * gap, round(width * _GUTTER)) if widest else 0
        header = round(letters * 1.9) if has_header else 0
        room = width - gutter - gap * (len(aspects) - 1)
        fitting_height = (width * tallest - header - gap * (rows - 1)) / rows
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
) -> Picture:
    """Sheets under each other, each in the middle, with some space between.

    Of each the rows, the aspects and the width are those of `draw_sheet`.
    """
    layouts = [
        _Layout.of(len(rows), own, width, (), False, _TALLEST)
        for rows, own, width in zip(sheets, aspects, widths, strict=True)
    ]
    wide = max(layout.width for layout in layouts)
    gap = max(2, round(wide * _GAP)) * 2
    high = sum(layout.height + gap for layout in layouts) - gap
    what = f"a picture of {wide} x {high} pixels"
    check_fits(_PER_PIXEL_WRITTEN * wide * high, what, "lower width (--width)")
    picture = np.full((high, wide, 3), 255, dtype=np.uint8)
    top = 0
    for rows, layout in zip(sheets, layouts, strict=True):
        left = (wide - layout.width) // 2
        _fill(picture[top : top + layout.height, left : left + layout.width], rows, layout)
        top += layout.height + gap
    return picture
