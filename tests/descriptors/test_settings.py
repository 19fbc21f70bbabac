import math
import pickle
from copy import copy as copy_of

import pytest
from descr.descriptors.errors import OptionError
from descr.descriptors.settings import (
    Configurable,
    check_choice,
    check_float,
    check_int,
    construct,
    unknown,
)
from hypothesis import given
from hypothesis import strategies as st


class Blur(Configurable):
    def __init__(self, *, radius: float = 1.5, passes: int = 2) -> None:
        self.radius = check_float("radius", radius, minimum=0)
        self.passes = check_int("passes", passes, minimum=1, maximum=9)
        self.kernel = None


class Median(Blur):
    def __init__(self, *, rank: int = 3, **common: float) -> None:
        super().__init__(**common)
        self.rank = rank


def test_a_pickle_holds_the_arguments_of_the_constructor_alone():
    blur = Median(rank=5, radius=2)
    blur.kernel = bytes(10_000)
    assert len(pickle.dumps(blur)) < 2_500
    for copy in (pickle.loads(pickle.dumps(blur)), copy_of(blur)):
        assert (copy.rank, copy.radius, copy.passes, copy.kernel) == (5, 2.0, 2, None)


def test_settings_are_what_the_constructor_takes():
    assert Blur(passes=3).settings == {"radius": 1.5, "passes": 3}
    assert repr(Blur(passes=3)) == "Blur(radius=1.5, passes=3)"
    assert Blur.option_names() == ("radius", "passes")


def test_settings_are_frozen_and_other_attributes_are_not():
    blur = Blur()
    with pytest.raises(AttributeError, match=r"Blur\.passes is a setting and frozen.*passes=5"):
        blur.passes = 5
    blur.kernel = "made"
    assert (blur.passes, blur.kernel) == (2, "made")


def test_construct_names_the_options_that_there_are():
    assert construct(Blur, "filter 'blur'", {"passes": 4}).passes == 4
    with pytest.raises(OptionError) as caught:
        construct(Blur, "filter 'blur'", {"raduis": 4})
    assert caught.value.message == "unknown option of filter 'blur': 'raduis'"
    assert caught.value.hint == "did you mean 'radius'? known: radius, passes"


@pytest.mark.parametrize("name", ["SIFT", "Sift", "SFIT", "dinov2"])
def test_a_name_is_near_whatever_its_capitals(name):
    near = {"dinov2": "DINOv2"}.get(name, "sift")
    assert unknown("thing", name, ["sift", "DINOv2"]).hint.startswith(f"did you mean {near!r}?")


def test_unknown_without_a_near_name_lists_what_there_is():
    assert unknown("layer", "qqq", ["token", "key"]).hint == "known: token, key"
    assert unknown("option", "qqq", []).hint == "it takes none"


@given(st.integers(-50, 50))
def test_integers_are_taken_within_the_bounds(value):
    if -3 <= value <= 20:
        assert check_int("n", value, minimum=-3, maximum=20) == value
    else:
        with pytest.raises(OptionError, match="n must be an integer from -3 to 20, not"):
            check_int("n", value, minimum=-3, maximum=20)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1]])
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(OptionError, match="n must be an integer of at least 0"):
        check_int("n", value, minimum=0)


@pytest.mark.parametrize("value", [True, "1", None, math.nan, math.inf, -0.1, 1.1])
def test_what_is_no_number_within_the_bounds_is_refused(value):
    with pytest.raises(OptionError, match="share must be a finite number of at least 0, at most 1"):
        check_float("share", value, minimum=0, maximum=1)


def test_numbers_on_the_bounds():
    assert check_float("share", 0, minimum=0, maximum=1) == 0.0
    assert check_float("share", 1, minimum=0, maximum=1) == 1.0
    with pytest.raises(OptionError, match="temperature must be a finite number above 0, not 0"):
        check_float("temperature", 0, minimum=0, open_minimum=True)


def test_choices_are_taken_by_value_and_type():
    assert check_choice("fit", "pad", ("pad", "stretch")) == "pad"
    for value in ("Pad", 1, None):
        with pytest.raises(OptionError, match="fit must be one of pad, stretch, not"):
            check_choice("fit", value, ("pad", "stretch"))
    with pytest.raises(OptionError):
        check_choice("n", True, (1, 2))
