import shutil
from collections import Counter

import numpy as np
import pytest
from descr.applications.evaluation import open_dataset
from descr.applications.evaluation.datasets.pair import Pair, Picture
from descr.applications.evaluation.run.listing import Listing, batches, sample_pairs
from descr.descriptors.errors import OptionError
from hypothesis import given, settings
from hypothesis import strategies as st


def listed(place, source, target, category="cat"):
    return Pair(f"{place}", category, Picture(source, source), Picture(target, target))


PAIRS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.sampled_from(["cat", "dog"])),
    max_size=40,
)


@settings(max_examples=50, deadline=None)
@given(pairs=PAIRS, most=st.integers(1, 5))
def test_every_pair_is_in_one_batch_of_one_target(pairs, most):
    rows = [listed(place, *pair) for place, pair in enumerate(pairs)]
    runs = batches(rows, most)
    assert sorted(place for run in runs for place in run) == list(range(len(rows)))
    for run in runs:
        assert len(run) <= most
        assert len({(rows[place].category, rows[place].target.key) for place in run}) == 1
    # A target is left for good, so that its features need not be read again.
    order = [(rows[run[0]].category, rows[run[0]].target.key) for run in runs]
    assert order == sorted(order)


def test_sources_come_back_in_the_opposite_order():
    rows = [listed(place, "abc"[place % 3], "de"[place // 3]) for place in range(6)]
    assert batches(rows, 8) == [[0, 1, 2], [5, 4, 3]]


def test_only_common_points_are_kept(written):
    dataset = written("spair-71k")
    listing = Listing.read(dataset, [0, 3])
    pair = dataset[3]
    assert listing.pairs[1].name == pair.name
    np.testing.assert_array_equal(listing.pairs[1].target_points, pair.target.points[pair.common])
    assert listing.pairs[1].common_names == tuple(
        name for name, common in zip(pair.point_names, pair.common, strict=True) if common
    )
    assert listing.digest == Listing.read(dataset, [0, 3]).digest
    assert listing.digest != Listing.read(dataset, [0, 4]).digest
    assert listing.digest != Listing.read(dataset, [0]).digest


def test_masks_that_are_carried_on_are_part_of_what_is_known(written, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(written("davis-2017").folder, root)
    dataset = open_dataset("davis-2017", root)
    first, last = dataset[0], dataset[len(dataset) - 1]
    before = Listing.read(dataset, range(len(dataset))).digest
    shutil.copyfile(last.source.mask, last.target.mask)
    # What only judges the answers doesn't change them.
    assert Listing.read(dataset, range(len(dataset))).digest == before
    shutil.copyfile(first.target.mask, first.source.mask)
    assert Listing.read(dataset, range(len(dataset))).digest != before


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
