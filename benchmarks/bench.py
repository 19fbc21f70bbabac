"""What a benchmark measures with: clocks, memory, processes of their own, and what is missing."""

import ctypes
import gc
import importlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import torch

T = TypeVar("T")
CLOCKS = ("wall", "processor")


class UnavailableError(Exception):
    """A benchmark that this machine can't run, and why."""


@dataclass
class Bench:
    """The setting of one benchmark.

    Args:
        device: Where tensors lie.
        clock: `wall`, or `processor` for the time of this process on all cores: what else the
            machine does counts for little then, but nor does waiting.
        folder: Where files may be written.
        skipped: What this machine lacks, and why that matters.
    """

    device: str
    clock: str
    folder: Path
    skipped: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.on_gpu and not torch.cuda.is_available():
            raise SystemExit("error: there is no CUDA device")
        if self.on_gpu and self.clock != "wall":
            raise SystemExit("error: work on a GPU is measured by --clock wall")

    @property
    def on_gpu(self) -> bool:
        """Whether the device is one of CUDA."""
        return self.device.startswith("cuda")

    def now(self) -> float:
        """Seconds of the clock, after all that the device was given to do."""
        if self.on_gpu:
            torch.cuda.synchronize()
        return time.process_time() if self.clock == "processor" else time.perf_counter()

    def race(
        self, work: Mapping[str, Callable[[], object]], *, rounds: int, warm: bool = True
    ) -> dict[str, float]:
        """The shortest time of each piece of work, in seconds.

        The pieces take turns, so that whatever else the machine does slows all of them.
        """
        best = dict.fromkeys(work, float("inf"))
        for turn in range(rounds + warm):
            for name, run in work.items():
                began = self.now()
                run()
                taken = self.now() - began
                if turn or not warm:
                    best[name] = min(best[name], taken)
        return best

    def skip(self, name: str, why: str) -> None:
        """Note that something could not be measured here."""
        self.skipped[name] = why

    def peer(self, module: str, distribution: str) -> Any:
        """A module of another library, or None if it is not there, which is noted."""
        try:
            return importlib.import_module(module)
        except ImportError:
            self.skip(distribution, "not installed: pip install 'descr-sdk[bench]'")
            return None


def in_a_process(function: Callable[..., T], *arguments: Any) -> T:
    """What a function of a module gives in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_memory(run: Callable[[], object]) -> int:
    """How many bytes the process grew at most while `run` ran, as the kernel of Linux counts them.

    Call it in a process of its own: memory that was freed before, and kept by the allocator, would
    be used again without being seen.
    """
    if not Path("/proc/self/clear_refs").exists():
        raise UnavailableError("memory is measured on Linux alone")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again at what is in use
    run()
    return _status("VmHWM") - before


def _status(field_name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field_name + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field_name)
