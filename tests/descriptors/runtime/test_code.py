"""Whose code features and answers come from."""

import linecache

import pytest
from descr.descriptors import SIFT, Fused, combine, read_image
from descr.descriptors.errors import IncomparableFeaturesError
from descr.descriptors.runtime.code import code_digest
from descr.descriptors.store import save_features, why_extract
from descr.matchers import NearestNeighbor
from support.own_classes import MATCHER, NETWORK


def test_classes_of_one_name_differ_by_their_code(write_class):
    one, two, again = (
        write_class(module, MATCHER.format(by=by), "Moved")()
        for module, by in (("moved_one", 1), ("moved_two", 2), ("moved_again", 1))
    )
    assert repr(one) == repr(two)
    assert code_digest(one) != code_digest(two)
    assert code_digest(one) == code_digest(again)


def test_the_classes_of_descr_are_known_by_its_version():
    assert code_digest(NearestNeighbor()) == ""
    assert code_digest(Fused(SIFT(), SIFT(step=8))) == ""


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


def test_features_of_a_network_that_was_edited_are_made_anew(write_class, chelsea, tmp_path):
    image, path = read_image(chelsea[:64, :96]), tmp_path / "a.nc"
    before = write_class("network", NETWORK.format(by=0), "Network")()
    tree = before.extract([image])[0]
    save_features(tree, path)
    assert tree["network/grid"].attrs["revision"].startswith("code-")
    again = write_class("network", NETWORK.format(by=0), "Network")()
    assert why_extract(path, image, again) is None
    edited = write_class("network", NETWORK.format(by=1), "Network")()
    assert "grid: revision 'code-" in why_extract(path, image, edited)
    with pytest.raises(IncomparableFeaturesError, match="grid: revision 'code-"):
        combine([tree, *edited.extract([image])])


def test_a_class_that_states_its_revision_is_known_by_that(write_class, chelsea, tmp_path):
    image, path = read_image(chelsea[:64, :96]), tmp_path / "a.nc"
    stated = NETWORK + '    revision = "7"\n'
    save_features(
        write_class("network", stated.format(by=0), "Network")().extract([image])[0], path
    )
    edited = write_class("network", stated.format(by=1), "Network")()
    assert why_extract(path, image, edited) is None
