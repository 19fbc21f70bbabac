"""Pairs of images to work through as a table, and what came of them as a page for a browser."""

import base64
import csv
import html
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...descriptors.errors import OptionError
from ..text import printable

_COLUMNS = "source", "target"
_HINT = "the pairs are CSV with the columns source,target"
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff }}
table {{ border-collapse: collapse }}
th, td {{ padding: .3em .8em; text-align: left; vertical-align: top; border-top: 1px solid #ddd }}
th {{ position: sticky; top: 0; background: #fff }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums }}
td.error {{ color: #a00 }}
img {{ display: block; max-width: 32em; max-height: 24em }}
</style>
<h1>{title}</h1>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
"""


class PairRow(NamedTuple):
    """A row of a table of pairs: its line, both names, and what is wrong with it, if anything."""

    line: int
    source: str
    target: str
    fault: str = ""


def read_pairs(path: str | os.PathLike[str]) -> list[PairRow]:
    """The rows of a CSV file of pairs, in their order.

    It has the columns `source` and `target`, as `write_neighbours` writes them, among others; or
    no header, and no other columns. Empty lines are passed over. Raises `OptionError` for a file
    that can't be read as such.
    """
    rows: list[PairRow] = []
    try:
        # The byte-order mark that some spreadsheets write is not part of the first name.
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            columns, width = [0, 1], 2
            for number, cells in enumerate(line for line in reader if any(line)):
                titles = [cell.strip().lower() for cell in cells]
                if number == 0 and {*_COLUMNS} <= {*titles}:
                    columns, width = [titles.index(name) for name in _COLUMNS], len(titles)
                    continue
                source, target = (cells[at] if at < len(cells) else "" for at in columns)
                fault = "" if source and target else "source or target is missing"
                if len(cells) != width:
                    fault = f"{len(cells)} values in {width} columns"
                rows.append(PairRow(reader.line_num, source, target, fault))
    except OSError as error:
        raise OptionError(f"cannot read {path}: {error.strerror or error}") from error
    except csv.Error as error:
        raise OptionError(f"{path} can't be read as CSV: {error}", hint=_HINT) from None
    if not rows:
        raise OptionError(f"{path} holds no pair", hint=_HINT)
    return rows


def find_file(name: str, folders: Iterable[Path]) -> Path | None:
    """The file of this name in the first folder that has it, or the feature file of that image."""
    paths = (folder / f"{name}{suffix}" for folder in folders for suffix in ("", ".nc"))
    return next((path for path in paths if os.path.isfile(path)), None)


def write_page(
    path: Path,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    pictures: Mapping[tuple[str, str], Path],
) -> None:
    """Write a page with a line for each row, and its picture, a JPEG file, if it has one.

    It holds all that it shows, and asks for nothing else. `rows` have `source` and `target`, by
    which pictures go.
    """
    head = "".join(f"<th>{_text(name)}</th>" for name in ("", *columns))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_PAGE.format(title=_text(title), head=head))
        for row in rows:
            cells = [_cell(name, row.get(name)) for name in columns]
            picture = pictures.get((row["source"], row["target"]))
            image = ""
            if picture is not None:
                data = base64.b64encode(picture.read_bytes()).decode()
                alt = _text(f"{row['source']} with {row['target']}")
                image = f'<img loading="lazy" alt="{alt}" src="data:image/jpeg;base64,{data}">'
            file.write(f"<tr><td>{image}</td>{''.join(cells)}</tr>\n")
        file.write("</tbody>\n</table>\n</html>\n")


def _cell(name: str, value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    kind = ' class="number"' if is_number else ' class="error"' if name == "error" else ""
    text = str(value) if is_number else {None: "", True: "yes", False: "no"}.get(value, value)
    return f"<td{kind}>{_text(text)}</td>"


def _text(text: str) -> str:
    return html.escape(printable(text))
