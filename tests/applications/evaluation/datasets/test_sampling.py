from collections import Counter

import pytest
from descr.applications.evaluation.datasets.sampling import sample_pairs
from descr.descriptors.errors import OptionError
from hypothesis import given, settings
from hypothesis import strategies as st

LETTERS = "abcdefghijkl"
LISTS = st.lists(st.sampled_from(["cat", "dog", "cow", "bird"]), min_size=1, max_size=60)


def named(categories):
    return [f"{place}" for place in range(len(categories))]


@settings(max_examples=60, deadline=None)
@given(categories=LISTS, seed=st.integers(0, 5), data=st.data())
def test_every_category_keeps_its_share(categories, seed, data):
    count = data.draw(st.integers(1, len(categories)))
    chosen = sample_pairs(named(categories), categories, count, seed)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == count
    assert chosen == sample_pairs(named(categories), categories, count, seed)
    drawn, there = Counter(categories[place] for place in chosen), Counter(categories)
    for name, number in there.items():
        assert abs(drawn[name] - count * number / len(categories)) < 1


def test_the_draw_is_known():
    categories = ["cat"] * 6 + ["dog"] * 3 + ["cow"] * 3
    assert sample_pairs(LETTERS, categories, 12, 7) == list(range(12))
    # By SHA-256 of "0:a", "0:b", ...: worked out by hand with sha256sum.
    assert sample_pairs(LETTERS, categories, 4, 0) == [3, 5, 7, 11]
    assert sample_pairs(LETTERS, categories, 4, 1) != [3, 5, 7, 11]


def test_a_pair_is_drawn_by_its_name_wherever_it_stands():
    drawn = {LETTERS[place] for place in sample_pairs(LETTERS, ["cat"] * 12, 5, 3)}
    turned = LETTERS[::-1]
    assert {turned[place] for place in sample_pairs(turned, ["cat"] * 12, 5, 3)} == drawn
    assert drawn < {LETTERS[place] for place in sample_pairs(LETTERS, ["cat"] * 12, 6, 3)}


@pytest.mark.parametrize("count", [0, 4, -1])
def test_as_many_as_there_are(count):
    with pytest.raises(OptionError, match="sample"):
        sample_pairs("abc", ["cat"] * 3, count)
