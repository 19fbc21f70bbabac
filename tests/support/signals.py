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


def exit_code(process: subprocess.Popen[str]) -> int:
    """What a shell gives as the exit code of a program that has ended: 128 and the signal.

    Python ends itself by SIGINT where the interrupt came while a text was compiled, as in the
    making of a dataclass, although the program caught it.
    """
    code = process.returncode
    return 128 - code if code == -signal.SIGINT else code
