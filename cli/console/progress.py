"""What long work shows on standard error, where that is a terminal."""

import itertools
import time
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
def progress_bar(total: int, unit: str = "") -> Iterator[Advance]:
    """A bar of `total` steps; call what it yields with the name of the step that begins.

    With a `unit`, such as "images", it shows how many there are in a second. Nothing is drawn where
    standard error is not a terminal.
    """
    with drawn_progress("MofNCompleteColumn", text="{task.fields[speed]}") as progress:
        if progress is None:
            yield lambda _: None
            return
        task = progress.add_task("", total=total, speed="")
        steps, start = itertools.count(), time.monotonic()

        def advance(name: str) -> None:
            done = next(steps)
            per_second = done / max(time.monotonic() - start, 1e-3)
            speed = f"{per_second:.1f} {unit}/s" if unit and done else ""
            progress.update(task, description=printable(name), completed=done, speed=speed)

        yield advance


@contextmanager
def drawn_progress(*columns: str, text: str = "") -> Iterator[Any]:
    """A `Progress` of rich: a name, a bar, the columns of these names, and the time that is left.

    `text` is what stands at the end, with the fields of the task. None where nobody would see it.
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
        progress.TextColumn(text, markup=False),
    ]
    with progress.Progress(*parts, console=console, transient=True) as bar:
        yield bar


def _terminal_console() -> Any:
    """The console of standard error where that is a terminal; None where nobody would see it."""
    from rich.console import Console

    console = Console(stderr=True)
    # With FORCE_COLOR rich takes anything for a terminal, and a bar would fill a log.
    return console if console.is_interactive and console.file.isatty() else None
