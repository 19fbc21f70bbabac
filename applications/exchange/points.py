"""Points as files: CSV with a column each for x and y, or JSON."""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...descriptors.errors import PointError

_COLUMNS = {"x": ("x", "source_x"), "y": ("y", "source_y")}
_LISTS = ("points", "matches")  # under which the points stand in the documents that commands write
_HINT = "a points file is CSV with the columns x,y and, if you like, name; or JSON"
_JSON_HINT = (
    'points in JSON are a list of [x, y] or of {"name": ..., "x": ..., "y": ...}, or an object '
    'as in {"nose": [x, y]}'
)


@dataclass(frozen=True)
class Point:
    """A point of an image in pixels, its name ("" for none), and where it was written."""

    x: float
    y: float
    name: str
    origin: str

    @classmethod
    def of(cls, x: Any, y: Any, name: str, origin: str, *, hint: str = _HINT) -> "Point":
        """The point of two numbers, or of texts of numbers; `PointError` if they are none."""
        try:
            x, y = float(x), float(y)
        except (TypeError, ValueError, OverflowError):
            raise PointError(f"{origin}: x and y must be numbers", hint=hint) from None
        if not (math.isfinite(x) and math.isfinite(y)):
            raise PointError(f"{origin}: x and y must be finite numbers")
        # As in the names of images: what is no valid text has no place in a file.
        return cls(x, y, name.encode(errors="replace").decode(), origin)


def read_points(path: str | Path) -> list[Point]:
    """The points of a file, in their order.

    CSV has the columns `x` and `y` (or `source_x` and `source_y`, as `write_matches` writes them)
    and, if you like, `name`; without a header, x, y and perhaps a name. Lines that are empty or
    begin with # are passed over. JSON is a list of `[x, y]` or `{"name": ..., "x": ..., "y": ...}`,
    an object as in `{"nose": [x, y]}`, or one with such a list under `points` or `matches`.

    Raises:
        PointError: The file can't be read or holds no points; the message names the line.
    """
    try:
        # The byte-order mark that some spreadsheets write is not part of the first name.
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise PointError(f"{path} is not a text file in UTF-8", hint=_HINT) from None
    except OSError as error:
        raise PointError(f"cannot read {path}: {error.strerror or error}") from error
    is_json = Path(path).suffix.lower() == ".json" or text.lstrip().startswith(("[", "{"))
    points = list((_parse_json if is_json else _parse_csv)(str(path), text))
    if not points:
        raise PointError(f"{path} holds no point", hint=_HINT)
    return points


def _parse_json(path: str, text: str) -> Iterator[Point]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PointError(f"{path} can't be read as JSON: {error}", hint=_JSON_HINT) from None
    if isinstance(document, dict):
        for points in map(document.get, _LISTS):
            if isinstance(points, list) and all(isinstance(one, list | dict) for one in points):
                document = points
                break
        else:
            for name, at in document.items():
                yield _json_point(at, str(name), f"{path} {name!r}")
            return
    if not isinstance(document, list):
        raise PointError(f"{path} holds no list of points", hint=_JSON_HINT)
    for number, at in enumerate(document, start=1):
        yield _json_point(at, "", f"{path} point {number}")


def _json_point(at: Any, name: str, origin: str) -> Point:
    """One point: [x, y], or an object with x, y and perhaps a name."""
    if isinstance(at, dict):
        name = str(at.get("name") or name)
        at = [next((at[key] for key in keys if key in at), None) for keys in _COLUMNS.values()]
    elif not isinstance(at, list) or len(at) != 2:
        raise PointError(f"{origin}: {json.dumps(at)} is not a point", hint=_JSON_HINT)
    # A number in quotes, or true, is a slip in JSON.
    x, y = (value if type(value) in (int, float) else None for value in at)
    return Point.of(x, y, name, origin, hint=_JSON_HINT)


def _parse_csv(path: str, text: str) -> Iterator[Point]:
    reader = csv.reader(text.splitlines(), skipinitialspace=True)
    columns: dict[str, int] = {}
    width = 0
    try:
        for row in reader:
            origin = f"{path} line {reader.line_num}"
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if not columns:
                columns, width, is_header = _columns(cells, origin)
                if is_header:
                    continue
            if any(cells[width:]):
                # As of 120,5,90 for 120.5,90: the columns are not those that they seem to be.
                raise PointError(
                    f"{origin}: {len(cells)} values in {width} columns",
                    hint='numbers have a decimal point, and a text with commas stands in "..."',
                )
            values = {name: cells[place] for name, place in columns.items() if place < len(cells)}
            if not {"x", "y"} <= values.keys():
                raise PointError(f"{origin}: a value is missing", hint=_HINT)
            yield Point.of(values["x"], values["y"], values.get("name", ""), origin)
    except csv.Error as error:
        raise PointError(f"{path} line {reader.line_num}: {error}", hint=_HINT) from None


def _columns(cells: Sequence[str], origin: str) -> tuple[dict[str, int], int, bool]:
    """The places of x, y and name, how many columns there are, and whether this row is a header."""
    if len(cells) >= 2 and all(map(is_number, cells[:2])):
        if len(cells) > 3:
            raise PointError(f"{origin}: {len(cells)} columns and no header", hint=_HINT)
        return dict(zip(("x", "y", "name"), range(len(cells)), strict=False)), len(cells), False
    titles = [cell.lower() for cell in cells]
    columns = {
        column: titles.index(title)
        for column, names in {**_COLUMNS, "name": ("name",)}.items()
        for title in reversed(names)
        if title in titles
    }
    if not {"x", "y"} <= columns.keys():
        raise PointError(f"{origin}: {','.join(cells)!r} is not x,y in numbers", hint=_HINT)
    return columns, len(cells), True


def is_number(text: str) -> bool:
    """Whether a text is a number as a point has it."""
    try:
        float(text)
    except ValueError:
        return False
    return True
