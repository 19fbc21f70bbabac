"""The points of `--points`: given as x,y or in CSV or JSON files."""

import csv
import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..console.errors import UserError

_PAIR = re.compile(r"\s*([^,;\s]+)\s*[,;]\s*([^,;\s]+)\s*")
_FILE_HINT = "a points file is CSV with the columns x,y and, if you like, name; or JSON"
_JSON_HINT = (
    'points in JSON are a list of [x, y] or of {"name": ..., "x": ..., "y": ...}, or an object '
    'as in {"nose": [x, y]}'
)
_LISTS = ("points", "matches")
"""Under which the points stand in the documents that commands write."""
_X_NAMES = ("x", "source_x")
_Y_NAMES = ("y", "source_y")


@dataclass(frozen=True)
class Point:
    """A point that was asked for: pixels of the source image, a name, and where it was written."""

    x: float
    y: float
    name: str
    origin: str


def parse_points(values: Sequence[str]) -> list[Point]:
    """The points in the order given; each value is `x,y` or the path of a CSV or JSON file.

    Raises `UserError` that names the value, or the file and the line.
    """
    points: list[Point] = []
    for value in values:
        pair = _PAIR.fullmatch(value)
        numbers = [_number(text) for text in pair.groups()] if pair else []
        if len(numbers) == 2 and None not in numbers and not os.path.isfile(value):
            points.append(_point(numbers[0], numbers[1], "", f"--points {value}"))
        else:
            points += _read_file(value)
    return points


def check_inside(points: Sequence[Point], *, width: int, height: int, image: str) -> None:
    """Raise `UserError` for a point outside the image, which spans -0.5 to its sides - 0.5."""
    for point in points:
        if not (-0.5 <= point.x <= width - 0.5 and -0.5 <= point.y <= height - 0.5):
            raise UserError(
                f"{point.origin}: the point lies outside {image}, which is "
                f"{width} x {height} pixels",
                hint="0,0 is the centre of the top-left pixel, x to the right and y down",
            )


def _read_file(value: str) -> list[Point]:
    path = Path(value)
    if not value.strip():
        raise UserError("--points: no point", hint="give x,y as in 120,64.5, or a file")
    if not os.path.isfile(path):
        what = f"{value!r} is not x,y in numbers" if "," in value else f"no such file: {value}"
        if os.path.exists(path):
            what = f"{value} is {'a folder' if os.path.isdir(path) else 'not a regular file'}"
        raise UserError(f"--points: {what}", hint="give x,y as in 120,64.5, or a file")
    try:
        # The byte-order mark that some spreadsheets write is not part of the first name.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{value} is not a text file in UTF-8", hint=_FILE_HINT) from None
    except OSError as error:
        raise UserError(f"cannot read {value}: {error.strerror or error}") from error
    is_json = path.suffix.lower() == ".json" or text.lstrip().startswith(("[", "{"))
    points = _read_json(value, text) if is_json else _read_rows(value, text)
    if not points:
        raise UserError(f"{value} holds no point", hint=_FILE_HINT)
    return points


def _read_json(path: str, text: str) -> list[Point]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} can't be read as JSON: {error}", hint=_JSON_HINT) from None
    if isinstance(document, dict):
        listed = [document.get(name) for name in _LISTS if _holds_points(document.get(name))]
        if not listed:
            return [_json_point(at, str(name), f"{path} {name!r}") for name, at in document.items()]
        document = listed[0]
    if not isinstance(document, list):
        raise UserError(f"{path} holds no list of points", hint=_JSON_HINT)
    return [
        _json_point(at, "", f"{path} point {number}") for number, at in enumerate(document, start=1)
    ]


def _holds_points(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, list | dict) for one in value)


def _json_point(at: Any, name: str, origin: str) -> Point:
    """One point: [x, y], or an object with x, y and perhaps a name."""
    if isinstance(at, dict):
        x, y = (next((at[key] for key in keys if key in at), None) for keys in (_X_NAMES, _Y_NAMES))
        name = str(at.get("name") or name)
    elif isinstance(at, list) and len(at) == 2:
        x, y = at
    else:
        raise UserError(f"{origin}: {json.dumps(at)} is not a point", hint=_JSON_HINT)
    numbers = [
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        for value in (x, y)
    ]
    return _point(numbers[0], numbers[1], name, origin, hint=_JSON_HINT)


def _read_rows(path: str, text: str) -> list[Point]:
    reader = csv.reader(text.splitlines(), skipinitialspace=True)
    columns: tuple[int, int, int | None] | None = None
    width = 0
    points: list[Point] = []
    try:
        for row in reader:
            where = f"{path} line {reader.line_num}"
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if columns is None:
                columns = _header(cells, where)
                width = len(cells)
                if columns is not None:
                    continue
                columns = (0, 1, 2 if len(cells) == 3 else None)
            if any(cells[width:]):
                # As of 120,5,90 for 120.5,90: the columns are not those that they seem to be.
                raise UserError(
                    f"{where}: {len(cells)} values in {width} columns",
                    hint='numbers have a decimal point, and a text with commas stands in "..."',
                )
            points.append(_read_row(cells, columns, where))
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: {error}", hint=_FILE_HINT) from None
    return points


def _header(cells: list[str], where: str) -> tuple[int, int, int | None] | None:
    """The columns of x, y and name; None if the row holds numbers, and so is no header."""
    if len(cells) >= 2 and None not in (_number(cells[0]), _number(cells[1])):
        if len(cells) > 3:
            raise UserError(f"{where}: {len(cells)} columns and no header", hint=_FILE_HINT)
        return None
    names = [cell.lower() for cell in cells]
    x = next((names.index(name) for name in _X_NAMES if name in names), None)
    y = next((names.index(name) for name in _Y_NAMES if name in names), None)
    if x is None or y is None:
        raise UserError(f"{where}: {','.join(cells)!r} is not x,y in numbers", hint=_FILE_HINT)
    return x, y, names.index("name") if "name" in names else None


def _read_row(cells: list[str], columns: tuple[int, int, int | None], where: str) -> Point:
    x_column, y_column, name_column = columns
    if len(cells) <= max(x_column, y_column):
        raise UserError(f"{where}: a value is missing", hint=_FILE_HINT)
    name = cells[name_column] if name_column is not None and len(cells) > name_column else ""
    return _point(_number(cells[x_column]), _number(cells[y_column]), name, where)


def _point(
    x: float | None, y: float | None, name: str, origin: str, *, hint: str = _FILE_HINT
) -> Point:
    if x is None or y is None:
        raise UserError(f"{origin}: x and y must be numbers", hint=hint)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise UserError(f"{origin}: x and y must be finite numbers")
    # As in the names of images: what is no valid text has no place in a file.
    return Point(x, y, name.encode(errors="replace").decode(), origin)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
