"""Requests that no machine has the memory for are refused, and not ended by the system."""

import subprocess
import sys
from pathlib import Path

import pytest

LIMITED = """\
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, resource.RLIM_INFINITY))
from descr.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit address space")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("match", "--set", "size=1000000"), ("SIFT at size=1000000", "lower its size")),
        (("flow", "--cells", "5000"), ("matching maps of", "lower cells")),
    ],
)
def test_requests_beyond_the_memory_are_refused(
    arguments: tuple[str, ...], words: tuple[str, str], folder: Path
) -> None:
    command, *options = arguments
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            LIMITED,
            command,
            "a.png",
            "b.png",
            "--descriptor",
            "sift",
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    _, error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: {words[0]}")
    assert "free on cpu" in error
    assert hint.startswith(f"hint: {words[1]}")
