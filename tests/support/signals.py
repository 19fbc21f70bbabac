"""Programs that are to be stopped by a signal."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def started(command: Sequence[object]) -> Iterator[subprocess.Popen[str]]:
    """The program, running, with its output in pipes; killed at the end if it still runs.

    It takes signals as a program in a terminal does: one that a shell starts in the background
    ignores SIGINT, and so would what it starts.
    """
    with subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_take_signals,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def _take_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
