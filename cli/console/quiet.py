"""What surrounds every command: silent libraries, and an orderly end when it is stopped."""

import gc
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import say

TERMINATED = 143
"""128 and the number of the signal, as a shell reports a process that SIGTERM ended."""


@contextmanager
def quiet(*, debug: bool) -> Iterator[None]:
    """Keep the warnings and logs of libraries off standard error, unless `debug` asks for them.

    What is said about the user's input is said in our words.
    """
    # Without any handler, logging prints to standard error.
    handler = _Lines() if debug else logging.NullHandler()
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, kind, path, line, *_: say(
            f"{path}:{line}: {kind.__name__}: {message}"
        )
        if not debug and not sys.warnoptions:
            warnings.simplefilter("ignore")
        logging.root.addHandler(handler)
        try:
            yield
        finally:
            logging.root.removeHandler(handler)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage until `gc.enable`, at the latest until the end.

    Imports make millions of objects and hardly any garbage; looking for garbage among them
    meanwhile takes an eighth of the time of a short command.
    """
    restore = gc.enable if gc.isenabled() else gc.disable
    gc.disable()
    try:
        yield
    finally:
        restore()


class Stop(SystemExit):
    """The end that a signal or a closed pipe asks for; unlike `sys.exit` in code of the user."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that files that are half written are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop(TERMINATED)
