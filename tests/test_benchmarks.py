"""The benchmarks by name, and the page that shows what they measured."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_page_shows_benchmarks_that_there_are():
    names = {line.split()[0] for line in benchmarks("--list").stdout.splitlines()}
    shown = set(re.findall(r"python -m benchmarks (\w+)", PAGE))
    assert shown
    assert shown <= names


def test_what_a_machine_lacks_is_skipped_by_name_and_stands_in_the_file(tmp_path):
    run = benchmarks("throughput", "--json", str(tmp_path / "rows.json"))
    assert "skipped: throughput: needs --device cuda" in run.stdout
    document = json.loads((tmp_path / "rows.json").read_text())
    assert document["benchmarks"]["throughput"]["skipped"] == {"throughput": "needs --device cuda"}
    assert {"machine", "versions", "clock"} <= set(document)


def test_rows_have_value_floor_and_target(tmp_path):
    rows = tmp_path / "rows.json"
    run = benchmarks("store", "--set", "files=3", "--set", "rounds=1", "--json", str(rows))
    opening, resuming = json.loads(rows.read_text())["benchmarks"]["store"]["rows"]
    assert opening["values"]["seconds"] > 0
    assert resuming["values"]["x floor"] > 0
    assert [len(row["targets"]) for row in (opening, resuming)] == [1, 1]
    assert run.returncode in (0, 1)


def test_a_misspelt_setting_or_name_is_one_line(tmp_path):
    assert "there is no setting 'file'; there are files, rounds" in (
        benchmarks("store", "--set", "file=3").stderr
    )
    assert "there is no 'stor'" in benchmarks("stor").stderr
