"""Whose code an answer comes from."""

import importlib
import linecache
import sys

import pytest
from descr.applications.evaluation import predict
from descr.applications.evaluation.code import code_digest
from descr.applications.evaluation.features import descriptor_label
from descr.applications.evaluation.predictions import run_of
from descr.descriptors import SIFT, Fused
from descr.matchers import NearestNeighbor

NETWORK = """
from descr.descriptors import Backbone, Layer


class Network(Backbone):
    layers = [Layer("grid", 8)]

    def __init__(self, *, size=64):
        super().__init__(size=size)

    def forward(self, pixels):
        return {{"grid": pixels[:, :, ::8, ::8].roll({by}, 1) + 1}}
"""
MATCHER = """
from descr.matchers import NearestNeighbor, Partners


class Moved(NearestNeighbor):
    def match(self, query, source, target):
        found = super().match(query, source, target)
        return Partners(found.x + {by}, found.y, found.score)
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A class in a file of the user's own, as it is after the file was written."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(module, text, name):
        (tmp_path / f"{module}.py").write_text(text)
        monkeypatch.delitem(sys.modules, module, raising=False)
        importlib.invalidate_caches()
        return getattr(importlib.import_module(module), name)

    return write


def test_classes_of_one_name_differ_by_their_code(write):
    one, two, again = (
        write(module, MATCHER.format(by=by), "Moved")()
        for module, by in (("moved_one", 1), ("moved_two", 2), ("moved_again", 1))
    )
    assert repr(one) == repr(two)
    assert code_digest(one) != code_digest(two)
    assert code_digest(one) == code_digest(again)


def test_the_classes_of_descr_are_known_by_its_version():
    assert code_digest(NearestNeighbor()) == ""
    assert code_digest(Fused(SIFT(), SIFT(step=8))) == ""


def test_features_of_a_network_that_was_changed_are_not_taken(write):
    recipes, labels = [], []
    for by in (0, 1, 0):
        made = write("network", NETWORK.format(by=by), "Network")()
        recipes.append(made.recipe)
        labels.append((descriptor_label(made), descriptor_label(Fused(SIFT(), made))))
    assert recipes[0] == recipes[1]
    assert labels[0] == labels[2]
    assert labels[0][0] != labels[1][0]
    assert labels[0][1] != labels[1][1]


def test_a_class_of_a_notebook_is_known_by_its_functions(monkeypatch):
    digests = []
    for by in (1, 2, 1):
        text, cell = MATCHER.format(by=by), f"/notebook/{by}.py"
        # What a notebook does with the text of a cell.
        lines = text.splitlines(keepends=True)
        monkeypatch.setitem(linecache.cache, cell, (len(text), None, lines, cell))
        typed = {"__name__": "notebook"}
        exec(compile(text, cell, "exec"), typed)
        digests.append(code_digest(typed["Moved"]()))
    assert digests[0] == digests[2] != digests[1]
    assert all(digests)


def test_answers_of_a_matcher_that_was_changed_are_not_taken(write, written, describe, tmp_path):
    dataset = written("pf-willow")
    matcher = write("changing", MATCHER.format(by=1), "Moved")()
    before = predict(dataset, describe, matcher, folder=tmp_path / "run")
    said = []
    matcher = write("changing", MATCHER.format(by=21), "Moved")()
    after = predict(dataset, describe, matcher, folder=tmp_path / "run", say=said.append)
    assert (after["target_x"] - before["target_x"]).values == pytest.approx(20)
    assert "other code than before" in said[0]
    assert run_of(after)["matcher"] == run_of(before)["matcher"]
