import shutil

import numpy as np
from descr.applications.evaluation import open_dataset
from descr.applications.evaluation.run.listing import Listed, Listing, batches
from hypothesis import given, settings
from hypothesis import strategies as st


def listed(place, source, target, category="cat"):
    points = np.zeros((1, 2))
    return Listed(
        place=place,
        name=f"{place}",
        category=category,
        source=source,
        target=target,
        source_points=points,
        target_points=points,
    )


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
        assert len({(rows[place].category, rows[place].target) for place in run}) == 1
    # A target is left for good, so that its features need not be read again.
    order = [(rows[run[0]].category, rows[run[0]].target) for run in runs]
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
    assert listing.pairs[1].point_names == tuple(
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
