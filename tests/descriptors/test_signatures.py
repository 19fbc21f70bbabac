import inspect
import sys
from pathlib import Path
from typing import Any

import pytest
from descr import descriptors, matchers
from descr.descriptors.errors import OptionError
from descr.descriptors.signatures import Option, describe

REGISTRIES = (descriptors.REGISTRY, matchers.REGISTRY)
NAMES = [(one, name) for one in REGISTRIES for name in one.available() if name != "fused"]

FILE = """
from typing import Literal
from descr.descriptors import Backbone, Layer
from descr.descriptors.settings import check_choice, check_float, check_int
from .shared import Colour, SIDES as CHOICES

raise SystemExit("this file is not run")

class Base(Backbone):
    \'\'\'The base.

    Parameters
    ----------
    size, colour : int
        Both of
        the base.
    \'\'\'

    layers = (Layer("first", 8), Layer("second", 16))

    def __init__(self, *, size: int = 3 * 7, colour: Colour = "red", side: int | None = 4):
        self.size = check_int("size", size, minimum=1, maximum=9)
        self.side = check_choice("side", side, CHOICES)

class Mine(Base):
    \'\'\'Mine.

    Parameters
    ----------
    colour:
        As in `Base`. Of mine.
    share:
        A part of it.

    Raises
    ------
    OptionError
        Never.
    \'\'\'

    def __init__(self, *, colour: Colour = "blue", share: float = 0.5, size: int = 2):
        self.share = check_float("share", share, minimum=0, open_minimum=True)

def make(weights, *, mode: Literal["a", "b"] = "a"):
    \'\'\'A function.\'\'\'
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "package_to_read"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "network.py").write_text(FILE)
    (folder / "shared.py").write_text(
        "from typing import Literal\nColour = Literal['red', 'blue']\nSIDES = (2, 4)\n"
    )
    (folder / "plain.py").write_text(
        "from descr.descriptors import SIFT\n"
        "class Mine(SIFT):\n"
        "    '''Mine.\n\n    Parameters\n    ----------\n"
        "    step\n        Of the grid: in pixels.\n    size : int\n        How large.\n    '''\n"
        "    def __init__(self, *, step: int = 2, size: int = 9): ...\n"
    )
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("registry", "name"), NAMES)
def test_what_is_read_is_what_the_constructor_takes(registry: Any, name: str) -> None:
    signature = describe(registry, name)
    kind = registry.find(name)
    parameters = inspect.signature(kind).parameters
    assert {one.name: one.default for one in signature.options} == {
        key: one.default for key, one in parameters.items()
    }
    assert signature.summary == inspect.getdoc(kind).partition("\n")[0]
    assert all(one.meaning and one.values for one in signature.options)


def test_a_fusion_takes_what_its_parts_take() -> None:
    names = [one.name for one in describe(descriptors.REGISTRY, "fused").options]
    assert {"weights", "device", "dtype", "sd.timestep", "dinov2.facet"} <= {*names}
    assert not {"sd", "dinov2", "sd.device", "dinov2.dtype"} & {*names}


@pytest.mark.usefixtures("package")
def test_ranges_literals_and_texts_of_a_class_and_its_parents() -> None:
    signature = describe(descriptors.REGISTRY, "package_to_read.network:Mine")
    assert signature.summary == "Mine."
    assert signature.layers == ("first", "second")
    assert signature.options == (
        Option("colour", "blue", "red, blue", "Both of the base. Of mine."),
        Option("share", 0.5, "a number above 0", "A part of it."),
        Option("size", 2, "an integer from 1 to 9", "Both of the base."),
    )
    base = describe(descriptors.REGISTRY, "package_to_read.network:Base").options
    assert base[0].default == "3 * 7"
    assert base[2].values == "2, 4 or None"
    assert "package_to_read.network" not in sys.modules


@pytest.mark.usefixtures("package")
def test_a_function_is_read_like_a_class() -> None:
    signature = describe(descriptors.REGISTRY, "package_to_read.network:make")
    assert signature.summary == "A function."
    assert signature.options == (Option("weights", None, "", ""), Option("mode", "a", "a, b", ""))


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sfit", "unknown descriptor: 'sfit'"),
        ("no_such_module:Thing", "cannot import 'no_such_module'"),
        ("package_to_read.network:Other", "has no 'Other' that can be read"),
        ("math:sqrt", "cannot import 'math'"),
    ],
)
def test_what_can_not_be_read_is_named(name: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        describe(descriptors.REGISTRY, name)


@pytest.mark.usefixtures("package")
def test_parameters_of_numpy_s_form_need_no_type() -> None:
    signature = describe(descriptors.REGISTRY, "package_to_read.plain:Mine")
    assert [one.meaning for one in signature.options] == ["Of the grid: in pixels.", "How large."]
    # The layers of SIFT go with the defaults of SIFT.
    assert signature.layers == ()
