"""Tables on standard output, no wider than the terminal."""

import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import typer

from ...applications.text import printable
from .errors import say

Fact = tuple[str, str]
"""The name of something, and what it is."""

_BETWEEN = 2  # space between columns


def print_table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[str] = ()
) -> None:
    """Print rows under titles; the columns named in `numbers` are aligned to the right.

    Nothing is cut: where the terminal is narrow, words go on in the next line, and columns in a
    table below.
    """
    from rich.box import SIMPLE_HEAD
    from rich.measure import measure_renderables
    from rich.table import Table
    from rich.text import Text

    right, console = set(numbers), _console()
    # As Text, so that a bracket in a file's name is not taken for markup.
    lines = zip(titles, *rows, strict=True)
    columns = [[Text(printable(cell)) for cell in column] for column in lines]
    needs = []
    for title, column in zip(titles, columns, strict=True):
        word, whole = measure_renderables(console, console.options, column)
        folded = min(whole, max(12, word), console.width // 2)
        needs.append(whole if title in right else folded)
    words = [place for place, title in enumerate(titles) if title not in right]
    for number, block in enumerate(_blocks(needs, words[-1] + 1 if words else 1, console.width)):
        if number:
            typer.echo()
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for place in block:
            side: Any = "right" if titles[place] in right else "left"
            heading = columns[place][0]
            table.add_column(heading, justify=side, overflow="fold", min_width=needs[place])
        for row in zip(*(columns[place][1:] for place in block), strict=True):
            table.add_row(*row)
        _print(table, console)


def _blocks(needs: Sequence[int], naming: int, room: int) -> list[list[int]]:
    """The columns of each of the tables that columns of these widths make in this room.

    Each begins with those that tell rows apart: of the first `naming` as many as fit into half.
    """
    ends = accumulate(need + _BETWEEN for need in needs[:naming])
    keys = range(max(1, sum(end <= room / 2 for end in ends)))
    blocks: list[list[int]] = [[]]
    for place, need in enumerate(needs):
        wide = need + sum(needs[one] + _BETWEEN for one in blocks[-1])
        if wide > room and len(blocks[-1]) > len(keys):
            blocks.append([*keys])
        blocks[-1].append(place)
    return blocks


class Table(NamedTuple):
    """Rows under the titles of columns, of which those of `numbers` hold numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[str]
    title: str = ""


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables, each below its title if it has one, and an empty line after each."""
    for table in tables:
        if table.title:
            say(table.title, err=False)
            typer.echo()
        print_table(table.columns, table.rows, numbers=table.numbers)
        typer.echo()


def print_facts(facts: Sequence[Fact]) -> None:
    """Print names and values side by side."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(printable(name)), Text(printable(value)))
    _print(table, _console())


def facts_of(document: Mapping[str, Any]) -> list[Fact]:
    """A document as facts; what is by name in it on one line, as in `sift/scale_1 64`."""
    lines = {
        name: ", ".join(f"{key} {one}" for key, one in value.items())
        for name, value in document.items()
        if isinstance(value, Mapping)
    }
    return [(name, str(value)) for name, value in {**document, **lines}.items()]


def degrees(cosine: float) -> str:
    """The angle of a cosine as it is printed."""
    return f"{math.degrees(math.acos(cosine)):.2f} degrees"


def print_json(document: Any) -> None:
    """Print one JSON document to standard output."""
    import json

    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def _console() -> Any:
    """A console as wide as the terminal, or as COLUMNS says; a file or a pipe has no width."""
    from shutil import get_terminal_size

    from rich.console import Console

    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(file=sys.stdout, width=get_terminal_size().columns if has_width else 100_000)


def _print(table: Any, console: Any) -> None:
    with console.capture() as captured:
        console.print(table, crop=False)
    # Written in one place, where a pipe that was closed is noticed like everywhere else.
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())
