"""How long the command line takes to start: help, a wrong option, and a whole match.

    python benchmarks/start_up.py [--runs 5] [--check]

Each number is the best of several runs of a fresh process, in seconds of wall time and as a ratio
to `python -c pass`, the floor. With --check the exit code is 1 if a target is missed.
"""

import argparse
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
            "descr match --help": ((*PROGRAM, "match", "--help"), HELP_SECONDS),
            "descr match gone.jpg b.jpg": ((*PROGRAM, "match", "gone.jpg", "b.jpg"), None),
            "python -c 'import torch'": ((sys.executable, "-c", "import torch"), None),
            "descr match": ((*PROGRAM, "match", *pair), MATCH_SECONDS),
            "descr match -o match.png": ((*PROGRAM, "match", *pair, "-o", drawing), None),
        }
        print(f"{'command':<28}{'seconds':>9}{'ratio':>8}{'target':>8}")
        floor, missed = 0.0, False
        for name, (command, target) in cases.items():
            seconds = min(measure(command) for _ in range(arguments.runs))
            floor = floor or seconds
            missed |= target is not None and seconds > target
            said = "" if target is None else f"{target:.1f}"
            print(f"{name:<28}{seconds:>9.2f}{seconds / floor:>8.1f}{said:>8}", flush=True)
    return int(missed and arguments.check)


def measure(command: Sequence[str]) -> float:
    """Seconds that a process takes from its start to its end."""
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
