"""Memory and time of matching, against the bare product of the two maps.

    python benchmarks/matching.py

The floor is the float32 product of all cells with all cells, made in the same blocks, its result
thrown away: nothing that compares every pair can be faster in float32. Each case runs in a process
of its own. Ends with exit code 1 where a promise is broken.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import measure
import numpy as np
import torch
import xarray as xr
from descr.matchers import Matcher, MutualNearestNeighbor, NearestNeighbor, SoftArgmax
from descr.matchers.similarity import default_rows
from descr.matchers.testing import render_map
from rich.console import Console
from rich.table import Table

MATCHERS: dict[str, Matcher] = {
    "nearest": NearestNeighbor(),
    "mutual": MutualNearestNeighbor(),
    "soft-argmax": SoftArgmax(),
    "soft-argmax, whole grid": SoftArgmax(window=None),
    "nearest, bfloat16": NearestNeighbor(dtype="bfloat16"),
}
HARD = ("nearest", "mutual")


@dataclass(frozen=True)
class Case:
    """Two maps of one size, and what is asked of matching them."""

    title: str
    rows: int
    columns: int
    channels: int
    kind: str = "correlated"
    matchers: tuple[str, ...] = HARD
    most_megabytes: float | None = None


CASES = {
    "large": Case(
        "16,384 x 16,384 cells, 1,536 channels",
        128,
        128,
        1536,
        matchers=(*HARD, "soft-argmax", "soft-argmax, whole grid"),
        most_megabytes=700,
    ),
    "sift": Case(
        "6,000 x 6,000 cells, 128 channels",
        75,
        80,
        128,
        matchers=(*HARD, "soft-argmax", "nearest, bfloat16"),
    ),
    "flat": Case("the same, all cells equal", 75, 80, 128, kind="flat"),
    "almost flat": Case("the same, equal up to 1e-6", 75, 80, 128, kind="almost flat"),
    "half flat": Case("the same, half of them equal", 75, 80, 128, kind="half flat"),
}


def maps(case: Case) -> tuple[xr.DataArray, xr.DataArray]:
    """Two maps whose cells resemble each other as those of two photographs do."""
    shape = (case.channels, case.rows, case.columns)
    size = {"rows": case.rows, "columns": case.columns, "channels": case.channels}
    result = []
    for seed in (1, 2):
        fmap = render_map(**size, seed=seed)
        values = fmap.values
        if case.kind == "flat":
            values[:] = 1.0
        elif case.kind == "almost flat":
            values *= 1e-6
            values += 1.0
        else:
            generator = torch.Generator().manual_seed(0)
            mixing = torch.randn(case.channels, 24, generator=generator)
            common = torch.randn(24, case.rows * case.columns, generator=generator)
            values *= 3.0 * case.channels**0.5
            values += (mixing @ common).numpy().reshape(shape)
            if case.kind == "half flat":
                values[:, : case.rows // 2] = 1.0
        values /= np.linalg.norm(values, axis=0)
        result.append(fmap)
    return result[0], result[1]


def bare_product(source: xr.DataArray, target: xr.DataArray) -> Callable[[], None]:
    """The float32 product of the two maps in blocks, whose result is thrown away."""
    a, b = (torch.from_numpy(fmap.values).flatten(1) for fmap in (source, target))
    n, m = a.shape[1], b.shape[1]
    rows = min(n, default_rows(m))
    block = torch.empty(rows, m)

    def run() -> None:
        for start in range(0, n, rows):
            stop = min(start + rows, n)
            torch.mm(a[:, start:stop].T, b, out=block[: stop - start])

    return run


def measure_time(case: Case, rounds: int) -> dict[str, float]:
    """Seconds of the bare product and of each matcher of the case."""
    source, target = maps(case)
    work: dict[str, Callable[[], object]] = {"bare": bare_product(source, target)}
    for name in case.matchers:
        work[name] = lambda matcher=MATCHERS[name]: matcher(source, target)
    return measure.seconds(work, rounds=rounds)


def measure_memory(case: Case, name: str) -> int:
    """Bytes above the two maps; torch and xarray have done something of the kind before."""
    source, target = maps(case)
    MATCHERS[name](render_map(20, 20), render_map(20, 20))
    return measure.peak_memory(lambda: MATCHERS[name](source, target))


def in_a_process(*arguments: str) -> dict[str, float]:
    """What this script prints with these arguments in a process of its own."""
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    """Run every case, print the table, and say whether the promises were kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is run")
    parser.add_argument("--time", help=argparse.SUPPRESS)
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.time:
        print(json.dumps(measure_time(CASES[options.time], options.rounds)))
        return 0
    if options.memory:
        case, name = options.memory
        print(json.dumps({"bytes": measure_memory(CASES[case], name)}))
        return 0

    table = Table("matcher", "seconds", "x bare product", "MB above the maps", "promise")
    kept = True
    for key in options.cases or CASES:
        case = CASES[key]
        times = in_a_process("--time", key, "--rounds", str(options.rounds))
        table.add_section()
        table.add_row(f"[bold]{case.title}[/bold]", f"{times['bare']:.2f}", "1.00")
        for name in case.matchers:
            memory = promise = ""
            if case.most_megabytes is not None:
                megabytes = in_a_process("--memory", key, name)["bytes"] / 1e6
                memory = f"{megabytes:.0f}"
                fits = megabytes < case.most_megabytes
                kept &= fits
                promise = f"under {case.most_megabytes:g} MB: {'kept' if fits else 'BROKEN'}"
            table.add_row(
                name,
                f"{times[name]:.2f}",
                f"{times[name] / times['bare']:.2f}",
                memory,
                promise,
            )
    Console(width=110).print(table)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
