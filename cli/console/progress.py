"""What long work shows on standard error, where that is a terminal."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from ...applications.text import printable

Advance = Callable[[str], None]


def spinner(text: str) -> Any:
    """A context that shows a spinner and the text; nothing where nobody would see it."""
    from rich.text import Text

    console = _terminal_console()
    return console.status(Text(printable(text))) if console else nullcontext()


@contextmanager
def progress_bar(total: int) -> Iterator[Advance]:
    """A bar of `total` steps; call what it yields with the name of the step that begins.

    Nothing is drawn where standard error is not a terminal.
    """
    with drawn_progress("MofNCompleteColumn") as progress:
        if progress is None:
            yield lambda _: None
            return
        task = progress.add_task("", total=total)
        steps = itertools.count()
        yield lambda name: progress.update(task, description=printable(name), completed=next(steps))


@contextmanager
def drawn_progress(*columns: str) -> Iterator[Any]:
    """A `Progress` of rich: a name, a bar, the columns of these names, and the time that is left.

    None where nobody would see it.
    """
    console = _terminal_console()
    if console is None:
        yield None
        return
    from rich import progress

    parts = [
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        *(getattr(progress, column)() for column in columns),
        progress.TimeRemainingColumn(),
    ]
    with progress.Progress(*parts, console=console, transient=True) as bar:
        yield bar


def _terminal_console() -> Any:
    """The console of standard error where that is a terminal; None where nobody would see it."""
    from rich.console import Console

    console = Console(stderr=True)
    # With FORCE_COLOR rich takes anything for a terminal, and a bar would fill a log.
    return console if console.is_interactive and console.file.isatty() else None
