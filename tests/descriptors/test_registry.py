import sys
from importlib.metadata import EntryPoint

import pytest
from descr import descriptors
from descr.descriptors import SIFT, Descriptor
from descr.descriptors import registry as registry_module
from descr.descriptors.errors import OptionError
from support.registered import create_tiny


def test_every_available_name_creates_a_descriptor():
    assert "sift" in descriptors.available()
    for name in descriptors.available():
        assert isinstance(create_tiny(name), Descriptor)


def test_options_go_to_the_constructor():
    assert descriptors.create("sift", step=16, scales=[1, 2]).settings["step"] == 16


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("shift", {}, "unknown descriptor: 'shift' .did you mean 'sift'. known: fused, dinov2"),
        ("sift", {"stepp": 4}, "unknown option of descriptor 'sift': 'stepp' .did you mean 'step'"),
        ("sift", {"step": 0}, "step must be an integer of at least 1, not 0"),
        ("no_such_module:Thing", {}, "cannot import 'no_such_module'"),
        (":Thing", {}, "':Thing' names no class of a module"),
        ("descr:", {}, "'descr:' names no class of a module"),
        ("..descr:Thing", {}, r"'\.\.descr:Thing' names no class of a module"),
        ("descr.descriptors:Thing", {}, r"'descr\.descriptors' has no 'Thing'"),
        ("descr.descriptors:Image", {}, "Image does not derive from Descriptor"),
        ("descr.descriptors.images:MAX_PIXELS", {}, "it is a int"),
    ],
)
def test_what_cannot_be_created_is_named(name, options, message):
    with pytest.raises(OptionError, match=message):
        descriptors.create(name, **options)


def test_a_class_in_a_file_of_this_folder(tmp_path, monkeypatch):
    (tmp_path / "my_own_module.py").write_text("from my_own_base import SIFT as Coarse\n")
    (tmp_path / "my_own_base.py").write_text(
        "import descr.descriptors\nclass SIFT(descr.descriptors.SIFT):\n    '''Steps of 16.'''\n"
    )
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    made = descriptors.create("my_own_module:Coarse", step=16)
    assert isinstance(made, SIFT)
    assert repr(made).startswith("SIFT(step=16")
    assert sys.path == before


def test_whatever_a_file_raises_is_about_that_file(tmp_path, monkeypatch):
    (tmp_path / "file_of_mine.py").write_text("class Coarse(:\n")
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    message = r"importing 'file_of_mine' for 'file_of_mine:Coarse' failed: SyntaxError: .*line 1"
    with pytest.raises(OptionError, match=message):
        descriptors.create("file_of_mine:Coarse")
    assert sys.path == before


def test_a_class_that_lacks_a_method_is_named(tmp_path, monkeypatch):
    (tmp_path / "unfinished_module.py").write_text(
        "from descr.descriptors import Backbone\nclass Network(Backbone):\n    layers = ()\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match="is an unfinished descriptor: it lacks forward"):
        descriptors.create("unfinished_module:Network")


def test_other_distributions_add_names(monkeypatch):
    point = EntryPoint("dense", "descr.descriptors.sift:SIFT", "descr.descriptors")
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point])
    assert descriptors.available()[-1] == "dense"
    assert isinstance(descriptors.create("dense", step=4), SIFT)


def test_a_plugin_that_makes_something_else_is_refused(monkeypatch):
    point = EntryPoint("wrong", "builtins:dict", "descr.descriptors")
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point])
    with pytest.raises(OptionError, match="dict does not derive from Descriptor"):
        descriptors.create("wrong")
