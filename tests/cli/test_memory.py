"""Requests that no machine has the memory for are refused, and not ended by the system."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from descr.cli.console.errors import report
from support.datasets.spair import make_spair

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


EAGER = """\
from descr.descriptors import SIFT
class Eager(SIFT):
    def extract(self, images):
        raise AssertionError("extracted before the memory was looked at")
"""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("flow",), ("flow at 64 x 96 places", "lower grid")),
        (("flow", "--grid", "cells", "--cells", "9"), ("matching maps of 6 x 9 cells", "cells")),
        (("flow", "--grid", "50x60"), ("flow at 50 x 60 places", "lower grid")),
        (("swap", "--whole", "-o", "s.png"), ("a swap of images of 96 x 64", "smaller images")),
    ],
)
def test_what_can_t_fit_is_refused_before_features_are_extracted(
    descr: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: tuple[str, str]
) -> None:
    Path("mine.py").write_text(EAGER)
    memory = importlib.import_module("descr.descriptors.runtime.memory")
    monkeypatch.setattr(memory, "free_memory", lambda device: 100_000)
    command, *options = arguments
    done = descr(command, "a.png", "b.png", "--descriptor", "mine:Eager", *options)
    done.refused(*words, "100.0 kB are free")
    assert not Path("s.png").exists()


GREEDY = """\
from descr.descriptors import SIFT
class Greedy(SIFT):
    def forward_batch(self, pixels, images, canvases):
        if pixels.mean(dim=(1, 2, 3)).max() > {limit}:
            {fault}
        return super().forward_batch(pixels, images, canvases)
"""
FAULTS = (
    "raise MemoryError",
    'raise RuntimeError("DefaultCPUAllocator: can\'t allocate memory")',
)


@pytest.fixture
def bright(folder: Path) -> Path:
    """A picture, white.png, that is brighter than all others."""
    PIL.Image.new("RGB", (96, 64), "white").save(folder / "white.png")
    return Path("white.png")


@pytest.mark.parametrize("fault", FAULTS)
def test_an_image_that_memory_does_not_suffice_for_is_no_end_of_the_others(
    descr: Any, bright: Path, fault: str
) -> None:
    Path("mine.py").write_text(GREEDY.format(limit=0.9, fault=fault))
    own = ("--descriptor", "mine:Greedy", "--set", "size=96")
    done = descr("extract", "a.png", bright, "b.png", "-o", "f", *own)
    assert done.code == 2
    assert done.errors == ["error: Greedy for white.png ran out of memory on cpu"]
    assert "2 extracted, 1 failed" in done.out
    assert sorted(path.name for path in Path("f").glob("[!.]*")) == ["a.png.nc", "b.png.nc"]
    descr("show", "a.png", bright, "-o", "s.png", *own).refused("white.png ran out of")
    assert not Path("s.png").exists()


@pytest.mark.parametrize("workers", ["1", "3"])
def test_an_evaluation_keeps_the_features_of_all_other_images(
    descr: Any, folder: Path, workers: str
) -> None:
    make_spair(folder / "spair", images=4, side=96, categories=("cat",))
    pictures = sorted((folder / "spair").rglob("*.jpg"))
    (name,) = (path.name for path in pictures[1:2])
    with PIL.Image.open(pictures[1]) as picture:
        size = picture.size
    PIL.Image.new("RGB", size, "white").save(pictures[1])
    Path("mine.py").write_text(GREEDY.format(limit=0.9, fault=FAULTS[1]))
    command = ("evaluate", "spair-71k", "spair", "--set", "size=96", "--set", "step=4")
    own = ("--descriptor", "mine:Greedy", "--threads", workers)
    done = descr(*command, *own, "-o", "r.json", "--folder", "kept")
    done.refused(
        "not enough memory for 1 of 4 images: ", name, "the features of the other images are kept"
    )
    kept = {path.name for path in Path("kept").rglob("*.jpg.nc")}
    assert kept == {f"{path.name}.nc" for path in pictures} - {f"{name}.nc"}
    assert not Path("r.json").exists()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(24, "Too many open files", "a.txt"), "a.txt: Too many open files"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(12, "Cannot allocate memory"), "not enough memory"),
        (ImportError("lib.so: failed to map segment from shared object"), "not enough memory"),
        (RuntimeError("can't start new thread"), "not enough memory"),
    ],
)
def test_what_the_system_refuses_is_no_fault_of_the_program(
    capfd: pytest.CaptureFixture[str], error: Exception, says: str
) -> None:
    importlib.import_module("descr.descriptors.runtime.memory")
    assert report(error) == 2
    assert capfd.readouterr().err.splitlines()[0] == f"error: {says}"
