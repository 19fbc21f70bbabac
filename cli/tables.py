"""Tables on standard output, as wide as the terminal."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer


def print_table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[str] = ()
) -> None:
    """Print rows under titles; the columns named in `numbers` are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    right = set(numbers)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for title in titles:
        wraps = title not in right
        table.add_column(title, justify="left" if wraps else "right", no_wrap=not wraps)
    for row in rows:
        # As Text, so that a bracket in a file's name is not taken for markup.
        table.add_row(*(Text(cell) for cell in row))
    _print(table)


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print names and values side by side."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in facts:
        table.add_row(Text(name), Text(value))
    _print(table)


def print_json(document: Any) -> None:
    """Print one JSON document to standard output."""
    import json

    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def format_bytes(count: int) -> str:
    """A number of bytes in words: 312 bytes, 1.2 kB, 17.4 MB."""
    if count < 1000:
        return f"{count} bytes"
    size, units = float(count), iter(("kB", "MB", "GB", "TB"))
    for unit in units:
        size /= 1000
        if size < 999.95 or unit == "TB":
            break
    return f"{size:.1f} {unit}"


def _print(table: Any) -> None:
    from rich.console import Console

    console = Console(file=sys.stdout, soft_wrap=False)
    with console.capture() as captured:
        console.print(table)
    # Written in one place, where a pipe that was closed is noticed like everywhere else.
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())
