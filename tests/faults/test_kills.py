"""Runs that are killed at any moment: what is there is whole, and a second run completes it.

`pytest tests/faults --faults=100` takes a hundred moments instead of three.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.faults import STEP, check_index, check_store
from support.runs import build, exit_code, extract, number, start

NAMES = [f"{number}.png" for number in range(5)]
ENGINES = {"index": None, "faiss": "faiss"}


def run(what: str, work: Path, moment: int, count: Any = None) -> int:
    if what == "extract":
        return exit_code(start(extract, work, NAMES, STEP, moment, count))
    return exit_code(start(build, work, ENGINES[what], moment, count))


@pytest.fixture(scope="module")
def moments(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many acts on files a run has."""
    work = tmp_path_factory.mktemp("moments")
    for name in ("photos", "whole", "basis.nc"):
        (work / name).symlink_to(folder / name)
    acts = {}
    for what in ("extract", *ENGINES):
        count = number()
        assert run(what, work, 0, count) == 0
        acts[what] = count.value
    assert min(acts.values()) > 20
    return acts


@pytest.mark.parametrize("what", ["extract", *ENGINES])
def test_what_a_killed_run_left_is_completed(
    folder: Path, work: Path, moments: dict[str, int], what: str, seed: int
) -> None:
    moment = int(np.random.default_rng(seed).integers(1, moments[what] + 1))
    assert run(what, work, moment) in (0, -9)
    if what == "extract":
        check_store(work / "features", folder)
    else:
        check_index(work / "index", folder, engine=ENGINES[what])
