"""What long work shows on standard error, where that is a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

Advance = Callable[[str], None]


def spinner(text: str) -> Any:
    """A context that shows a spinner and the text; nothing where nobody would see it."""
    console = terminal_console()
    return console.status(text) if console else nullcontext()


@contextmanager
def progress_bar(total: int) -> Iterator[Advance]:
    """A bar of `total` steps; call what it yields with the name of the step that begins.

    Nothing is drawn where standard error is not a terminal.
    """
    console = terminal_console()
    if console is None:
        yield lambda _: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)
        begun = 0

        def advance(name: str) -> None:
            nonlocal begun
            progress.update(task, description=name, completed=begun)
            begun += 1

        yield advance


def terminal_console() -> Any:
    """The console of standard error where that is a terminal; None where nobody would see it."""
    from rich.console import Console

    console = Console(stderr=True)
    # With FORCE_COLOR rich takes anything for a terminal, and a bar would fill a log.
    return console if console.is_interactive and console.file.isatty() else None
