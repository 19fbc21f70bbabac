"""Photographs with one view of each beneath."""

from collections.abc import Sequence

from .painting import Picture
from .scenes import Scene, photograph_view
from .sheet import View, arrange, draw_sheet, stack


def draw_gallery(scene: Scene, views: Sequence[View], width: int) -> Picture:
    """One view per image, each under its photograph; a single one beside it."""
    aspects = scene.aspects
    photographs = [photograph_view(image) for image in scene.photographs or ()]
    if len(views) == 1:
        row = [*photographs, *views]
        return draw_sheet([row], aspects * len(row), width=width)
    lines = arrange(aspects)
    sums = [sum(aspects[place] for place in line) for line in lines]
    sheets = []
    for line, total in zip(lines, sums, strict=True):
        rows = [[part[place] for place in line] for part in (photographs, views) if part]
        wide = round(width * total / max(sums))
        sheets.append(draw_sheet(rows, [aspects[place] for place in line], width=wide))
    return stack(sheets)
