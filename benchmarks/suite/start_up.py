"""How long the command line takes to start: help, a listing, and matches, in fresh processes.

Times are wall time, or by `--clock processor` the time of the process on all cores; the floor is
`python -c pass`, or `import torch` for what cannot do without.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from descr.descriptors import SIFT, save_features

from ..bench import Bench
from ..photographs import IMAGES
from ..results import Row

PROGRAM = (sys.executable, "-m", "descr.cli")
PASS, TORCH = "python -c pass", "python -c 'import torch'"


def run(bench: Bench, *, rounds: int = 5) -> Iterator[Row]:
    """A row for each command."""
    photographs = [str(IMAGES / f"cat{end}.jpg") for end in ("", "-closer")]
    files = [str(bench.folder / name) for name in ("x.nc", "y.nc")]
    for photograph, file in zip(photographs, files, strict=True):
        save_features(SIFT().extract([photograph])[0], file)
    drawing = str(bench.folder / "match.png")
    # Command line, its floor, and the most seconds, those of torch above its import.
    cases: dict[str, tuple[Sequence[str], str, float | None]] = {
        PASS: ((sys.executable, "-c", "pass"), PASS, None),
        TORCH: ((sys.executable, "-c", "import torch"), TORCH, None),
        "descr --help": ((*PROGRAM, "--help"), PASS, 0.3),
        "descr match --help": ((*PROGRAM, "match", "--help"), PASS, None),
        "descr match gone.jpg b.jpg": ((*PROGRAM, "match", "gone.jpg", "b.jpg"), PASS, None),
        "descr descriptors": ((*PROGRAM, "descriptors"), PASS, 0.5),
        "descr match x.nc y.nc": ((*PROGRAM, "match", *files), TORCH, 1.0),
        "descr match a.jpg b.jpg": (
            (*PROGRAM, "match", *photographs, "--descriptor", "sift"),
            TORCH,
            1.5,
        ),
        "descr match a.jpg b.jpg -o match.png": (
            (*PROGRAM, "match", *photographs, "--descriptor", "sift", "-o", drawing),
            TORCH,
            None,
        ),
    }
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(rounds + 1):
        for name, (command, *_) in cases.items():
            best[name] = min(best[name], measure(command, bench.clock))
    for name, (_, floor, most) in cases.items():
        above = best[name] - best[floor] if floor == TORCH else best[name]
        aim = "above import torch" if floor == TORCH else "in all"
        values = {"s": best[name], "floor, s": best[floor], "x floor": best[name] / best[floor]}
        yield Row(
            name,
            values | {"above floor, s": best[name] - best[floor]},
            {} if most is None else {f"at most {most:g} s {aim}": above <= most},
        )


def measure(command: Sequence[str], clock: str) -> float:
    """Seconds from the start of a process to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if clock == "wall":
        return wall
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
