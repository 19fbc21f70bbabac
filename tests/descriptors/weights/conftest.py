from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub.utils import close_session
from support.hub import FakeHub, serving


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, which the environment names."""
    folder = tmp_path / "hub"
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("DESCR_HOME", str(tmp_path / "descr"))
    return folder


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """An empty hub on loopback, which the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as result:
        monkeypatch.setenv("HF_ENDPOINT", result.endpoint)
        yield result
        close_session()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of a pull, which take no time."""
    taken: list[float] = []
    monkeypatch.setattr("descr.descriptors.weights.download.sleep", taken.append)
    return taken
