import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from skimage import data

# Tests beside each other share the cores: threads of each would wait for those of the others. Set
# before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# `pytest tests/fuzz --hypothesis-profile=hours`: a failure is reduced to its least, printed with
# its seed, and kept in .hypothesis, from where the next run begins.
settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile("hours", deadline=None, print_blob=True, max_examples=20_000)
settings.load_profile("default")


@pytest.fixture(scope="session")
def chelsea() -> np.ndarray:
    """A cat, uint8 (300, 451, 3)."""
    return data.chelsea()


@pytest.fixture(scope="session")
def motorcycle() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A stereo pair, uint8 (500, 741, 3) each, and the disparity of the left one in pixels."""
    return data.stereo_motorcycle()


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What descr keeps of its user goes to a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESCR_HOME", str(tmp_path_factory.mktemp("descr")))
        yield


@pytest.fixture
def write_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A class in a module of the user's own, as it is after the module was written."""
    monkeypatch.syspath_prepend(tmp_path)
    # It would stand for another text of the same second and length.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(module: str, text: str, name: str) -> Any:
        (tmp_path / f"{module}.py").write_text(text)
        monkeypatch.delitem(sys.modules, module, raising=False)
        importlib.invalidate_caches()
        return getattr(importlib.import_module(module), name)

    return write


@pytest.fixture
def install_plugins(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Mapping[str, Mapping[str, str]]], Path]:
    """What installs entry points, by group and name, in the place of those installed before.

    It gives the folder of their distribution, which is the first on the path.
    """
    earlier: list[str] = []

    def install(groups: Mapping[str, Mapping[str, str]]) -> Path:
        folder = tmp_path_factory.mktemp("plugins")
        about = folder / "plugins-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plugins\nVersion: 1.0\n")
        lines = [
            line
            for group, points in groups.items()
            for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
        ]
        (about / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(folder)
        sys.path[:] = [one for one in sys.path if one not in earlier]
        earlier.append(str(folder))
        return folder

    return install


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    """A client of dask, with two workers."""
    from descr.descriptors import open_cluster

    with open_cluster(2) as opened:
        yield opened


@pytest.fixture
def half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks in half precision on any processor: on most it is slow, and refused."""
    from descr.descriptors.runtime import devices

    monkeypatch.setattr(devices, "computes_natively", lambda dtype: True)
