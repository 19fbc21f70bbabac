"""The points of `--points`: given as x,y or in files."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..console.errors import UserError

if TYPE_CHECKING:
    from ...applications.exchange import Point

_PAIR = re.compile(r"\s*([^,;\s]+)\s*[,;]\s*([^,;\s]+)\s*")
_HINT = "give x,y as in 120,64.5, or a file"


def parse_points(values: Sequence[str]) -> "list[Point]":
    """The points in the order given; each value is `x,y` or the path of a CSV or JSON file.

    Raises `UserError` or `PointError`, which name the value, or the file and the line.
    """
    if not values:
        return []
    from ...applications.exchange.points import Point, is_number, read_points

    points: list[Point] = []
    for value in values:
        pair = _PAIR.fullmatch(value)
        if os.path.isfile(value):
            points += read_points(Path(value))
        elif pair is not None and all(map(is_number, pair.groups())):
            x, y = pair.groups()
            points.append(Point.of(x, y, "", f"--points {value}"))
        else:
            raise UserError(f"--points: {_fault(value)}", hint=_HINT)
    return points


def check_inside(points: "Sequence[Point]", *, width: int, height: int, image: str) -> None:
    """Raise `UserError` for a point outside the image, which spans -0.5 to its sides - 0.5."""
    for point in points:
        if not (-0.5 <= point.x <= width - 0.5 and -0.5 <= point.y <= height - 0.5):
            raise UserError(
                f"{point.origin}: the point lies outside {image}, which is "
                f"{width} x {height} pixels",
                hint="0,0 is the centre of the top-left pixel, x to the right and y down",
            )


def _fault(value: str) -> str:
    if not value.strip():
        return "no point"
    if os.path.exists(value):
        return f"{value} is {'a folder' if os.path.isdir(value) else 'not a regular file'}"
    return f"{value!r} is not x,y in numbers" if "," in value else f"no such file: {value}"
