"""What is said of the files that a command reads."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

FAST = ("--set", "size=96")
LINE = "moving.webp has 3 frames: the first is taken"


@pytest.fixture
def moving(folder: Path) -> Path:
    """An animation whose first frame is a.png."""
    frames = [PIL.Image.open(f"{name}.png") for name in "aba"]
    frames[0].save("moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    return folder / "moving.webp"


@pytest.mark.usefixtures("moving")
@pytest.mark.parametrize(
    "words",
    [
        "match moving.webp b.png",
        "match b.png moving.webp",
        "show moving.webp -o shown.png",
        "extract moving.webp -o features",
    ],
)
def test_of_an_animation_the_first_frame_is_taken_and_that_is_said(descr: Any, words: str) -> None:
    done = descr(*words.split(), *FAST)
    assert done.code == 0
    assert done.err.splitlines().count(LINE) == 1


def test_the_matches_of_an_animation_are_those_of_its_first_frame(descr: Any, moving: Path) -> None:
    descr("match", moving, "b.png", *FAST, "-o", "moving.csv")
    descr("match", "a.png", "b.png", *FAST, "-o", "still.csv")
    assert Path("moving.csv").read_text() == Path("still.csv").read_text()


def test_nothing_is_said_of_a_still_image(descr: Any) -> None:
    assert "frame" not in descr("match", "a.png", "b.png", *FAST).err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes that have names")
@pytest.mark.usefixtures("folder")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for() -> None:
    commands = [
        "match a.png PIPE",
        "match PIPE b.png",
        "match a.png b.png --mask-a PIPE",
        "transfer PIPE b.png --points 9,9",
        "transfer a.png b.png --points PIPE",
        "flow PIPE b.png",
        "swap a.png PIPE --whole -o s.png",
        "show PIPE b.png -o s.png",
        "show a.png --mask PIPE -o s.png",
        "extract PIPE -o features",
        "info PIPE",
        "evaluate --compare PIPE PIPE",
        "models convert PIPE",
    ]
    pipes = "pipe.png", "pipe.nc"
    for pipe in pipes:
        os.mkfifo(pipe)
    lines = [line.replace("PIPE", pipe) for line in commands for pipe in pipes]
    code = "import sys\nfrom descr.cli.main import run\nfor line in sys.argv[1:]:\n    "
    code += "print(line, run(line.split()), file=sys.stderr, flush=True)\n"
    done = subprocess.run(
        [sys.executable, "-c", code, *lines],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    for line in lines:
        message, result, rest = done.stderr.partition(f"{line} 2\n")
        assert result, done.stderr
        assert "is not a regular file" in message
        done.stderr = rest
