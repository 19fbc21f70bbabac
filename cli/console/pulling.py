"""What `descr models pull` shows on standard error while weights arrive."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...applications.text import printable
from ...descriptors.weights import Model, cached
from ...descriptors.weights.cache import cache_folder
from ...descriptors.weights.download import Progress
from .errors import say
from .progress import drawn_progress


def announce(model: Model, precision: str | None) -> None:
    """Say what a pull of a model brings, from where, to where, and under which terms."""
    from rich.filesize import decimal

    here = cached(model.name, precision=precision)
    if not model.repositories or (here and precision in (None, here.precision)):
        return
    size = decimal(model.full_size if precision == "float32" else model.size)
    source = ", else ".join(model.repositories)
    terms = f"licence {model.licence}" + (f"; gate: {model.gate}" if model.gate else "")
    say(f"{model.name}: {model.title}, about {size} from {source} to {cache_folder()}; {terms}")


@contextmanager
def progress_display(name: str) -> Iterator[Progress]:
    """What tells the user of the pull of one model, while the block runs.

    On a terminal a bar with the bytes, the speed and the time left; elsewhere only the lines
    that are worth keeping in a log.
    """
    with drawn_progress("DownloadColumn", "TransferSpeedColumn") as progress:
        yield _Bar(name, progress) if progress else _Lines(name)


class _Lines(Progress):
    """Lines in a log: how much comes, and what went otherwise than hoped."""

    def __init__(self, name: str) -> None:
        self._name = name

    def start(self, total: int, done: int) -> None:
        from rich.filesize import decimal

        here = f", {decimal(done)} of them here already" if done else ""
        self.say(f"downloading {decimal(total)}{here}")

    def say(self, text: str) -> None:
        say(f"{self._name}: {text}")


class _Bar(_Lines):
    """A bar of the bytes of all files, with the name of the one that arrives."""

    def __init__(self, name: str, progress: Any) -> None:
        super().__init__(name)
        self._progress = progress
        self._task = progress.add_task(name, total=None)

    def start(self, total: int, done: int) -> None:
        # Anew, so that what was here already does not count for the speed.
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(self._name, total=total, completed=done)

    def file(self, name: str) -> None:
        part = name.partition("/")[0] if "/" in name else name
        self._progress.update(self._task, description=printable(f"{self._name} {part}"))

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)
