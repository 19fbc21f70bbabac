"""The forms in which matches are written to files."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

from .results import COLUMNS, Result, best_spread

SUFFIXES = {
    ".csv": "table",
    ".json": "table and summary",
    ".nc": "the matcher's Dataset",
    ".png": "drawing",
}
DRAWN = 60
"""How many matches a drawing shows, unless a number is given: more can't be told apart."""


def writer(result: Result, path: Path, *, drawn: int | None) -> Callable[[Path], None]:
    """What writes the result in the form that the suffix of `path` asks for.

    A drawing shows at most `drawn` matches, spread over the image; None for all.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return lambda target: write_csv(result, target)
    if suffix == ".json":
        return lambda target: write_json(result, target)
    if suffix == ".nc":
        return lambda target: write_netcdf(result, target)
    return lambda target: write_drawing(result, target, drawn)


def write_csv(result: Result, target: Path) -> None:
    """One line per match, under the names of the columns; what is unmatched is left empty."""
    rows = result.rows()
    columns = ["name", *COLUMNS] if rows and "name" in rows[0] else list(COLUMNS)
    with target.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def write_json(result: Result, target: Path) -> None:
    """The summary, with the matches as a list of objects."""
    text = json.dumps(result.document(), indent=2, allow_nan=False)
    target.write_text(text + "\n", encoding="utf-8")


def write_netcdf(result: Result, target: Path) -> None:
    """The matcher's Dataset; what was not kept is unmatched in it."""
    result.found.to_netcdf(target, engine="netcdf4")


def write_drawing(result: Result, target: Path, drawn: int | None) -> None:
    """Both photographs with coloured lines, or with every point that was asked for."""
    import PIL.Image

    from ..applications import draw_keypoints, draw_matches

    a, b = result.a.image, result.b.image
    assert a is not None
    assert b is not None
    if result.points:
        names = [point.name for point in result.points]
        picture = draw_keypoints(a, b, result.found.assign_coords(name=("point", names)))
    else:
        matches = result.matches()
        picture = draw_matches(a, b, matches if drawn is None else best_spread(matches, drawn))
    PIL.Image.fromarray(picture).save(target, format="PNG")
