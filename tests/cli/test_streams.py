"""What becomes of a command whose standard output or standard error can't be written."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "descr.cli")
MATCH = ("match", "a.png", "b.png", "--set", "size=96")
NO_SPACE = "error: cannot write to standard output: No space left on device"
HAS_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")

pytestmark = pytest.mark.usefixtures("folder")


def shell(line: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell run, in which DESCR stands for the program with these arguments."""
    command = line.replace("DESCR", shlex.join([*PROGRAM, *arguments]))
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)


def without_descriptor(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("descriptor: ")]


@HAS_FULL
@pytest.mark.parametrize(
    "arguments",
    [MATCH, (*MATCH, "--json"), ("--help",), ("match", "--help"), ("--version",), ("matchers",)],
    ids=" ".join,
)
def test_a_full_disk_behind_standard_output_is_one_line(arguments: tuple[str, ...]) -> None:
    done = shell("DESCR > /dev/full", *arguments)
    assert without_descriptor(done.stderr) == [NO_SPACE]
    assert done.returncode == 2


@HAS_FULL
def test_what_a_class_of_the_user_prints_ends_in_the_same_line(folder: Path) -> None:
    (folder / "loud.py").write_text(
        "from descr.descriptors import SIFT\n"
        "class Loud(SIFT):\n"
        "    def extract(self, images):\n"
        "        print('working')\n"
        "        return super().extract(images)\n"
    )
    done = shell("DESCR > /dev/full", *MATCH, "--descriptor", "loud:Loud", "-o", "m.csv")
    assert without_descriptor(done.stderr) == [NO_SPACE]
    assert done.returncode == 2


def test_a_closed_standard_output_is_one_line_before_the_work() -> None:
    done = shell("DESCR >&-", *MATCH, "-o", "m.csv")
    assert done.stderr == "error: cannot write to standard output: it is closed\n"
    assert done.returncode == 2
    assert not Path("m.csv").exists()


@pytest.mark.parametrize("arguments", [("--help",), ("match", "--help")])
def test_help_that_nobody_reads_on_is_no_error(arguments: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


@HAS_FULL
@pytest.mark.parametrize("where", ["2> /dev/full", "2>&-"])
def test_the_exit_code_is_right_where_nothing_can_be_said(where: str) -> None:
    done = shell(f"DESCR {where}", "match", "gone.png", "b.png")
    assert (done.returncode, done.stdout) == (2, "")
    done = shell(f"DESCR {where}", *MATCH, "-o", "m.csv")
    assert done.returncode == 0
    assert "m.csv" in done.stdout
