"""Runs in processes of their own, in which something happens at a chosen act on a file.

They are forked from a process that has loaded what they need, so that one takes no longer than its
work. A moment is an act on a file below the folder; acts are the same in each run, so that no test
waits for a time.
"""

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [
        "descr.applications.search.index",
        "descr.cli.main",
        "descr.descriptors.models.sift",
        "descr.descriptors.store.store",
        "descr.descriptors.store.maps",
        # What xarray and Pillow load at their first work.
        "dask.array",
        "PIL.TiffImagePlugin",
        "PIL.PdfImagePlugin",
    ]
)


def start(work: Callable[..., None], *arguments: Any) -> Any:
    """The process that does the work, which must be a function of a module."""
    process = _PROCESSES.Process(target=work, args=arguments)
    process.start()
    return process


def exit_code(process: Any) -> int:
    """How a process ended."""
    process.join()
    code = int(process.exitcode)
    process.close()
    return code


def barrier(parties: int) -> Any:
    """What lets so many processes begin together."""
    return _PROCESSES.Barrier(parties)


def number() -> Any:
    """A number that processes share."""
    return _PROCESSES.Value("i", 0)


def _at(folder: Path, moment: int, act: Callable[[], None], count: Any = None) -> None:
    """Do something before the act on a file of this number; count them."""
    seen = 0

    def look(event: str, arguments: Any) -> None:
        nonlocal seen
        kinds = "open", "os.", "shutil.", "sqlite3."
        if event.startswith(kinds) and str(folder) in str(arguments):
            seen += 1
            if count is not None:
                count.value = seen
            if seen == moment:
                act()

    sys.addaudithook(look)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def extract(folder: Path, names: Sequence[str], step: int, moment: int, more: Any) -> None:
    """Fill `features` with those of photographs; `more` counts acts or is a barrier."""
    from descr.descriptors import SIFT, FeatureStore

    store = FeatureStore(folder / "features", SIFT(size=64, step=step))
    if hasattr(more, "wait"):
        more.wait()
    else:
        _at(folder, moment, _kill, more)
    store.extract({name: folder / "photos" / name for name in names})


def build(folder: Path, engine: str | None, moment: int, more: Any) -> None:
    """Make `index` of the features in `whole`, unless another process makes it."""
    from descr.applications.search import Index
    from descr.descriptors import Basis
    from descr.descriptors.errors import OutputError

    basis = Basis.load(folder / "basis.nc")
    if hasattr(more, "wait"):
        more.wait()
    else:
        _at(folder, moment, _kill, more)
    try:
        Index.build(folder / "index", folder / "whole", basis=basis, engine=engine)
    except OutputError as error:
        if "another process is changing this index" not in str(error):
            raise


def lose(
    folder: Path, arguments: Sequence[str], moment: int, victim: Path, aside: Path | None
) -> None:
    """Run a command, under which a folder is renamed or removed; what it prints is in `printed`."""
    from descr.cli.main import run

    def vanish() -> None:
        if aside is None:
            shutil.rmtree(victim, ignore_errors=True)
        elif victim.exists():
            victim.rename(aside)

    with open(folder.with_name("printed"), "w") as printed:
        for stream in (1, 2):
            os.dup2(printed.fileno(), stream)
    _at(folder, moment, vanish)
    os._exit(run(list(arguments)))
