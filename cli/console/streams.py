"""Standard output and standard error, and what becomes of a command that can't write to them."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from .errors import BROKEN_PIPE, UserError
from .quiet import Stop


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Keep a stream that can't be written from being a fault of ours.

    In standard output it is a `UserError`, and a quiet end where nobody reads on. Without standard
    error the work goes on.
    """
    # Python has None in place of a stream that was closed before it started.
    output = sys.stdout and _Guarded(sys.stdout, ends=True)
    with redirect_stdout(output), redirect_stderr(sys.stderr and _Guarded(sys.stderr, ends=False)):
        yield


class _Guarded:
    """A stream that is dropped once it can't be written; `ends` says whether the command ends."""

    def __init__(self, stream: Any, *, ends: bool) -> None:
        self._stream = stream
        self._ends = ends
        self._error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        # What the encoding of the stream lacks is escaped as well.
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def _attempt(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except OSError as error:
            self._error = error
            # Python flushes on its way out, and would complain about what is still buffered.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        # Every time: typer tries its streams out, and ignores what comes of it.
        if self._ends and self._error is not None:
            if isinstance(self._error, BrokenPipeError):
                raise Stop(BROKEN_PIPE)
            raise UserError(f"cannot write to standard output: {self._error.strerror}")
