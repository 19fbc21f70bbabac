"""The command `python -m benchmarks`: run benchmarks by name, print tables, write JSON."""

import argparse
import ast
import importlib
import inspect
import json
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from descr.descriptors.errors import WeightsNotFoundError

from . import suite
from .bench import CLOCKS, Bench, UnavailableError
from .results import machine, print_rows, versions

SUITE = Path(suite.__file__).parent


def names() -> dict[str, str]:
    """What each benchmark measures, by its name."""
    return {
        result.name: (
            ast.get_docstring(ast.parse((SUITE / f"{result.name}.py").read_text())) or ""
        ).splitlines()[0]
        for result in pkgutil.iter_modules(suite.__path__)
    }


def settings_of(
    functions: Mapping[str, Callable[..., Any]], assignments: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The settings of each benchmark, those of `--set` among them; `SystemExit` for one of none."""
    settings = {
        name: {
            setting: parameter.default
            for setting, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        for name, function in functions.items()
    }
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        owners = [own for own in settings.values() if name in own]
        if not owners:
            valid = sorted({setting for own in settings.values() for setting in own})
            raise SystemExit(f"error: there is no setting {name!r}; there are {', '.join(valid)}")
        for own in owners:
            try:
                own[name] = type(own[name])(text)
            except ValueError as error:
                raise SystemExit(f"error: {assignment}: {error}") from error
    return settings


def main() -> int:
    """Run the benchmarks; 1 if a target was missed."""
    valid = names()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; all by default")
    parser.add_argument("--list", action="store_true", help="print the names and what they measure")
    parser.add_argument("--device", default="cpu", help="where tensors lie: cpu or cuda")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="what times are taken by")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results there as well")
    parser.add_argument(
        "--folder", type=Path, help="keep models and files there, to use them again"
    )
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:<14} {title}" for name, title in valid.items()))
        return 0
    if unknown := [name for name in options.names if name not in valid]:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(valid)}")
    functions = {
        name: importlib.import_module(f"benchmarks.suite.{name}").run
        for name in options.names or valid
    }
    settings = settings_of(functions, options.set)
    results: dict[str, Any] = {}
    for name, run in functions.items():
        keep = options.folder
        with nullcontext(keep) if keep else tempfile.TemporaryDirectory() as folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            bench = Bench(options.device, options.clock, Path(folder))
            began, rows = time.perf_counter(), []
            try:
                rows.extend(run(bench, **settings[name]))
            except (UnavailableError, WeightsNotFoundError) as skip:
                bench.skip(name, str(skip))
        print_rows(f"{name}: {valid[name]}", rows, bench.skipped)
        results[name] = {
            "settings": settings[name],
            "rows": [vars(row) for row in rows],
            "skipped": bench.skipped,
            "seconds": time.perf_counter() - began,
        }
    if options.json:
        document = {
            "machine": machine(options.device),
            "versions": versions(),
            "device": options.device,
            "clock": options.clock,
            "benchmarks": results,
        }
        options.json.write_text(json.dumps(document, indent=1, default=str) + "\n")
    kept = [
        met for one in results.values() for row in one["rows"] for met in row["targets"].values()
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
