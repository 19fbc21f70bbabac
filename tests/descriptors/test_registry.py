import subprocess
import sys

import pytest
from descr import descriptors
from descr.descriptors import SIFT, Descriptor
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
        ("descr.descriptors.image.reading:MAX_PIXELS", {}, "it is a int"),
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
    output = descriptors.create("my_own_module:Coarse", step=16)
    assert isinstance(output, SIFT)
    assert repr(output).startswith("SIFT(step=16")
    assert sys.path == before


def test_whatever_a_file_raises_is_about_that_file(tmp_path, monkeypatch):
    (tmp_path / "file_of_mine.py").write_text("class Coarse(:\n")
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    message = r"importing 'file_of_mine' for 'file_of_mine:Coarse' failed: SyntaxError: .*line 1"
    with pytest.raises(OptionError, match=message):
        descriptors.create("file_of_mine:Coarse")
    assert sys.path == before


def test_a_file_that_ends_the_program_is_named(folder):
    (folder / "exit_of_mine.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(OptionError, match=r"importing 'exit_of_mine' .* failed: SystemExit: 0"):
        descriptors.create("exit_of_mine:Coarse")


def test_a_signal_during_an_import_is_no_fault_of_the_file(folder):
    (folder / "slow_of_mine.py").write_text("class Stop(SystemExit): pass\nraise Stop(143)\n")
    with pytest.raises(SystemExit):
        descriptors.create("slow_of_mine:Coarse")


def test_a_class_that_lacks_a_method_is_named(tmp_path, monkeypatch):
    (tmp_path / "unfinished_module.py").write_text(
        "from descr.descriptors import Backbone\nclass Network(Backbone):\n    layers = ()\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match="is an unfinished descriptor: it lacks forward"):
        descriptors.create("unfinished_module:Network")


def test_other_distributions_add_names(install_plugins):
    install_plugins({"descr.descriptors": {"dense": "descr.descriptors.models.sift:SIFT"}})
    assert descriptors.available()[-1] == "dense"
    assert isinstance(descriptors.create("dense", step=4), SIFT)


def test_a_plugin_that_makes_something_else_is_refused(install_plugins):
    install_plugins({"descr.descriptors": {"wrong": "builtins:dict"}})
    with pytest.raises(OptionError, match="dict does not derive from Descriptor"):
        descriptors.create("wrong")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def run_fresh(code, folder):
    """What a program prints that is run in a process of its own, in this folder."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout + done.stderr


def test_a_file_of_the_folder_never_stands_for_a_module_of_descr_python_or_a_library(tmp_path):
    for name in ("rich", "json", "cmath", "typer", "psutil", "torch", "cv2", "not_installed"):
        (tmp_path / f"{name}.py").write_text(f"print('{name} of the folder')\n")
    for name in ("scipy", "xarray"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"print('{name} of the folder')\n")
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "library_that_tries.py").write_text(
        "try:\n    import not_installed\nexcept ImportError:\n    pass\n"
    )
    (tmp_path / "network_of_mine.py").write_text(
        "import json, cmath, psutil, rich.console, scipy.spatial, cv2, library_that_tries\n"
        "from descr.descriptors import SIFT\n"
        "class Mine(SIFT):\n    pass\n"
    )
    code = (
        f"import sys; sys.path.append({str(tmp_path / 'installed')!r}); path = [*sys.path]\n"
        "from descr import descriptors, matchers\n"
        "print(descriptors.create('network_of_mine:Mine', size=96).size, sys.path == path)\n"
        "print(matchers.create('descr.matchers.nearest:NearestNeighbor'))\n"
        "print([type(one).__name__ for one in sys.meta_path if type(one).__name__ == '_Folder'])\n"
    )
    lines = run_fresh(code, tmp_path).splitlines()
    assert lines[0] == "96 True", lines
    assert lines[1].startswith("NearestNeighbor("), lines
    assert lines[2:] == ["[]"], lines


def test_a_package_of_the_folder_and_what_it_imports(folder):
    package = folder / "package_of_mine"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep" / "__init__.py").write_text("from ..base import STEP\n")
    (package / "base.py").write_text("import beside_the_package\nSTEP = beside_the_package.STEP\n")
    (package / "deep" / "network.py").write_text(
        "from package_of_mine.deep import STEP\n"
        "from descr.descriptors import SIFT\n"
        "class Mine(SIFT):\n    step_of_mine = STEP\n"
    )
    (folder / "beside_the_package.py").write_text("STEP = 7\n")
    assert descriptors.create("package_of_mine.deep.network:Mine").step_of_mine == 7


def test_an_installed_module_goes_before_a_file_of_its_name(folder):
    (folder / "colorsys.py").write_text("print('not this one')\nclass Network: ...\n")
    with pytest.raises(OptionError, match="'colorsys' has no 'Network'") as caught:
        descriptors.create("colorsys:Network")
    assert "installed (which goes first)" in caught.value.hint
    with pytest.raises(OptionError, match=r"import 'colorsys\.network'"):
        descriptors.create("colorsys.network:Network")


def test_what_is_neither_installed_nor_in_the_folder(folder, monkeypatch):
    (folder / "lonely_module.py").write_text("import not_there_at_all\n")
    with pytest.raises(OptionError, match="No module named 'not_there_at_all'"):
        descriptors.create("lonely_module:Network")
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(OptionError, match="No module named 'lonely_module'"):
        descriptors.create("lonely_module:Network")
