"""Time and memory of a piece of work, measured so that two of them can be compared."""

import ctypes
import gc
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def seconds(
    work: Mapping[str, Callable[[], object]], *, rounds: int = 3, warm: bool = True
) -> dict[str, float]:
    """The shortest time of each piece of work, in seconds.

    The pieces take turns, so that whatever else the machine does slows all of them.
    """
    best = dict.fromkeys(work, float("inf"))
    if warm:
        for run in work.values():
            run()
    for _ in range(rounds):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def peak_memory(run: Callable[[], object]) -> int:
    """How many bytes the process grew at most while `run` ran, as the kernel of Linux counts them.

    Call it in a process of its own: memory that was freed before, and kept by the allocator, would
    be used again without being seen.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again at what is in use
    run()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)
