from typing import Any, Literal

import pytest
from descr.cli.console.errors import UserError
from descr.cli.options.settings import parse_settings, parse_value, split_settings
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("4.5", 4.5),
        ("1e-3", 1e-3),
        ("true", True),
        ("False", False),
        ("None", None),
        ("null", None),
        ("aspect", "aspect"),
        ('"4"', "4"),
        ("1,2", (1, 2)),
        ("1,", (1,)),
        ("(1, 2.5)", (1, 2.5)),
        ("[1, [2, 3]]", (1, (2, 3))),
        ("a,b", ("a", "b")),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_a_text_is_the_value_that_it_looks_like(text: str, value: Any) -> None:
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


@given(st.text())
def test_a_parameter_of_type_str_takes_the_text_as_it_is(text: str) -> None:
    assert parse_value(text, str) == text


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("No", False), ("true", True)])
def test_a_parameter_of_type_bool_takes_yes_and_no(text: str, value: bool) -> None:
    assert parse_value(text, bool) is value


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans())
def test_what_python_prints_is_read_back(value: Any) -> None:
    assert parse_value(str(value)) == value


def test_the_annotations_of_the_constructor_decide() -> None:
    class Kind:
        def __init__(self, *, prompt: str = "", fit: Literal["1", "2"] = "1", size=3) -> None: ...

    given = {"prompt": "1,2", "fit": "aspect", "size": "1,2", "other": "7"}
    parsed = parse_settings(given, Kind)
    assert parsed == {"prompt": "1,2", "fit": "aspect", "size": (1, 2), "other": 7}


def test_annotations_that_cannot_be_resolved_are_left_alone() -> None:
    class Kind:
        def __init__(self, *, size: "Gone" = 1) -> None: ...  # type: ignore[name-defined] # noqa: F821

    assert parse_settings({"size": "3"}, Kind) == {"size": 3}


def test_pairs_are_split_at_the_first_equals_sign() -> None:
    pairs = ["step=4", "prompt=a=b", "cell-size = 3"]
    assert split_settings(pairs, "--set") == {"step": "4", "prompt": "a=b", "cell_size": "3"}


@pytest.mark.parametrize("pairs", [["step"], ["=4"], ["step=4", "step=4"]])
def test_what_is_no_pair_is_refused(pairs: list[str]) -> None:
    with pytest.raises(UserError, match="--set"):
        split_settings(pairs, "--set")


class Parts:
    def __init__(self, *, sd: dict[str, Any] | None = None, size: int = 4) -> None: ...


def test_settings_of_a_part_are_a_mapping() -> None:
    given = {"sd.timestep": "50", "sd.model": "/some/folder", "size": "3"}
    parsed = parse_settings(given, Parts)
    assert parsed == {"sd": {"timestep": 50, "model": "/some/folder"}, "size": 3}


def test_the_annotations_of_a_part_decide() -> None:
    class Part:
        def __init__(self, *, prompt: str = "", layers: str | tuple[str, ...] = "") -> None: ...

    given = {"sd.prompt": "a cat, sitting", "sd.layers": "one,two", "sd.other": "7"}
    parsed = parse_settings(given, Parts, {"sd": Part})
    assert parsed == {"sd": {"prompt": "a cat, sitting", "layers": ("one", "two"), "other": 7}}


@pytest.mark.parametrize("order", [1, -1])
def test_an_option_as_a_whole_and_by_parts_is_refused(order: int) -> None:
    pairs = [("sd", "3"), ("sd.timestep", "50")][::order]
    with pytest.raises(UserError, match="'sd' is given as a whole and by parts"):
        parse_settings(dict(pairs), Parts)
