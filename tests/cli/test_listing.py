import importlib.metadata
import json
from typing import Any

import pytest
from descr import descriptors, matchers
from descr.cli import names
from descr.descriptors import registry


class Plugin:
    """An entry point of another distribution."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        "descr.descriptors": [
            Plugin("mine", "descr.descriptors.sift:SIFT"),
            Plugin("broken", "gone_with_the_wind:Gone"),
        ],
        "descr.matchers": [Plugin("closest", "descr.matchers.nearest:NearestNeighbor")],
    }
    for module in (registry, importlib.metadata):
        monkeypatch.setattr(module, "entry_points", lambda group: points[group])


def test_every_descriptor_is_listed_with_its_options(descr: Any) -> None:
    document = json.loads(descr("descriptors", "--json").out)
    listed = {entry["name"]: entry for entry in document["descriptors"]}
    assert tuple(listed) == descriptors.available()
    assert document["auto"] in listed
    assert listed["sift"]["options"] == {
        "step": 8,
        "cell": 8,
        "scales": [1.0],
        "size": 768,
        "fit": "aspect",
    }
    text = descr("descriptors").out
    for name, entry in listed.items():
        assert name in text
        assert entry["summary"].split()[0] in text
    assert "step=8" in text
    assert "auto takes sift" in text


def test_every_matcher_is_listed_with_its_options(descr: Any) -> None:
    document = json.loads(descr("matchers", "--json").out)
    listed = {entry["name"]: entry for entry in document["matchers"]}
    assert tuple(listed) == matchers.available()
    assert listed["mutual"]["options"]["tolerance"] == 0
    text = descr("matchers").out
    assert "temperature=0.02" in text
    assert all(name in text for name in listed)


@pytest.mark.usefixtures("plugins")
def test_the_names_of_other_distributions_are_listed_and_used(descr: Any) -> None:
    document = json.loads(descr("descriptors", "--json").out)
    listed = {entry["name"]: entry for entry in document["descriptors"]}
    assert list(listed) == [*descriptors.REGISTRY.builtin, "broken", "mine"]
    assert listed["broken"]["summary"].startswith("can't be loaded: cannot import")
    pair = ("match", "a.png", "b.png")
    done = descr(*pair, "--descriptor", "mine", "--matcher", "closest", "--set", "size=96")
    assert done.code == 0
    assert done.err == "descriptor: mine\n"
    descr(*pair, "--descriptor", "broken").refused("gone_with_the_wind")


@pytest.mark.usefixtures("plugins")
def test_the_names_of_other_distributions_are_completed() -> None:
    assert names.complete_descriptor("") == ["auto", *names.DESCRIPTORS, "broken", "mine"]
    assert names.complete_descriptor("m") == ["mine"]
    assert names.complete_matcher("c") == ["closest"]


def test_the_names_that_are_completed_are_those_of_the_registries() -> None:
    assert tuple(descriptors.REGISTRY.builtin) == names.DESCRIPTORS
    assert tuple(matchers.REGISTRY.builtin) == names.MATCHERS
