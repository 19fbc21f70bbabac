"""How long the command line takes to start: help, a wrong option, and a whole match.

    python benchmarks/start_up.py [--runs 5] [--check]

Each number is the best of several runs of a fresh process: seconds of wall time, seconds of
processor time, and the wall time as a ratio to that of `python -c pass`, the floor. The commands
take turns, so that whatever else the machine does slows all of them. With --check the exit code is
1 if the wall time of a command is above its target.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
PROGRAM = (sys.executable, "-m", "descr.cli")
HELP_SECONDS = 0.3
MATCH_SECONDS = 4.0


def main() -> int:
    """Print a table; the exit code says whether the targets hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="fresh processes per line")
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    arguments = parser.parse_args()
    pair = [str(IMAGES / name) for name in ("cat.jpg", "cat-closer.jpg")]
    with tempfile.TemporaryDirectory() as folder:
        drawing = str(Path(folder) / "match.png")
        cases = {
            "python -c pass": ((sys.executable, "-c", "pass"), None),
            "descr --version": ((*PROGRAM, "--version"), None),
            "descr --help": ((*PROGRAM, "--help"), HELP_SECONDS),
            "descr match --help": ((*PROGRAM, "match", "--help"), None),
            "descr match gone.jpg b.jpg": ((*PROGRAM, "match", "gone.jpg", "b.jpg"), None),
            "python -c 'import torch'": ((sys.executable, "-c", "import torch"), None),
            "descr match": ((*PROGRAM, "match", *pair), MATCH_SECONDS),
            "descr match -o match.png": ((*PROGRAM, "match", *pair, "-o", drawing), None),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
        for _ in range(arguments.runs):
            for name, (command, _) in cases.items():
                taken[name].append(measure(command))
    floor = min(wall for wall, _ in taken["python -c pass"])
    missed = False
    print(f"{'command':<28}{'wall s':>8}{'cpu s':>8}{'ratio':>8}{'target s':>10}")
    for name, (_, target) in cases.items():
        wall, processor = (min(values) for values in zip(*taken[name], strict=True))
        missed |= target is not None and wall > target
        said = "" if target is None else f"{target:.1f}"
        print(f"{name:<28}{wall:>8.2f}{processor:>8.2f}{wall / floor:>8.1f}{said:>10}")
    return int(missed and arguments.check)


def measure(command: Sequence[str]) -> tuple[float, float]:
    """Seconds of wall time and of processor time from the start of a process to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
