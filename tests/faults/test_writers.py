"""Several processes that fill one store, or build one index, at once."""

import os
from pathlib import Path
from typing import Any

import pytest
from descr.descriptors.store import store as module
from support.faults import STEP, check_index, check_same, check_store, small_store
from support.runs import barrier, build, exit_code, extract, start

NAMES = [f"{number}.png" for number in range(5)]


def test_many_writers_fill_one_store(folder: Path, work: Path) -> None:
    together = barrier(8)
    # Each has four of five photographs, in another order.
    sets = [(NAMES * 2)[at % 5 : at % 5 + 4][:: 1 - 2 * (at % 2)] for at in range(8)]
    runs = [start(extract, work, names, STEP, 0, together) for names in sets]
    assert [exit_code(one) for one in runs] == [0] * 8
    check_store(work / "features", folder)


def test_one_of_many_writers_builds_an_index(folder: Path, work: Path) -> None:
    together = barrier(4)
    runs = [start(build, work, None, 0, together) for _ in range(4)]
    # Whoever comes while another builds is told, and changes nothing.
    assert [exit_code(one) for one in runs] == [0] * 4
    check_index(work / "index", folder)


def test_of_writers_with_other_settings_each_file_is_of_one(folder: Path, work: Path) -> None:
    together = barrier(4)
    runs = [start(extract, work, NAMES, step, 0, together) for step in (STEP, 8) * 2]
    assert [exit_code(one) for one in runs] == [0] * 4

    store = small_store(work / "features")
    assert [error for _, error in store.verify()] == [None] * 5
    # None of them is kept by a run with the other settings.
    store.extract(sorted((folder / "photos").iterdir()))
    check_same(store.folder, folder)


@pytest.mark.parametrize("moment", ["after it was written", "after it was read to be kept"])
def test_a_file_that_another_writer_replaces_is_not_taken_for_one_s_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    image = folder / "photos" / "0.png"
    store, other = small_store(tmp_path / "features"), small_store(tmp_path / "features", 8)
    target, todo = store.path("0.png"), [other]

    def interfere() -> None:
        if todo:
            todo.pop().extract([image])

    if moment == "after it was written":
        replace = os.replace

        def rename(source: Path, to: Path) -> None:
            replace(source, to)
            if Path(to) == target:
                interfere()

        monkeypatch.setattr(os, "replace", rename)
    else:
        store.extract([image])
        why = module.why_extract

        def look(*arguments: Any, **options: Any) -> str | None:
            reason = why(*arguments, **options)
            interfere()
            return reason

        monkeypatch.setattr(module, "why_extract", look)
    store.extract([image], verify=True)
    monkeypatch.undo()

    assert not todo
    assert [one.status for one in store.extract([image])] == ["redone"]
    assert [one.status for one in other.extract([image])] == ["redone"]
