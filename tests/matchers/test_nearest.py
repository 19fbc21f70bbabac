import numpy as np
import pytest
from descr.matchers import NearestNeighbor
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st

SIDES = st.lists(st.integers(1, 12), min_size=4, max_size=4)


def flat_index(result, target):
    """The target cell (row-major) of each place."""
    row = np.searchsorted(target["y"].values, result["target_y"].values.ravel())
    column = np.searchsorted(target["x"].values, result["target_x"].values.ravel())
    return row * target.sizes["x"] + column


@settings(max_examples=20, deadline=None)
@given(sides=SIDES, seed=st.integers(0, 1000))
def test_permuting_target_cells_permutes_answers(sides, seed):
    source = render_map(sides[0], sides[1], seed=seed)
    target = render_map(sides[2], sides[3], seed=seed + 1)
    order = np.random.default_rng(seed).permutation(sides[2] * sides[3])
    shuffled = target.copy(data=target.values.reshape(12, -1)[:, order].reshape(target.shape))
    matcher = NearestNeighbor()
    before, after = matcher(source, target), matcher(source, shuffled)
    assert np.array_equal(order[flat_index(after, target)], flat_index(before, target))
    assert np.array_equal(before["score"], after["score"])


@settings(max_examples=20, deadline=None)
@given(
    sides=SIDES,
    seed=st.integers(0, 1000),
    block=st.integers(1, 150),
    dtype=st.sampled_from(["auto", "float32", "bfloat16"]),
)
def test_block_and_dtype_change_nothing(sides, seed, block, dtype):
    source = render_map(sides[0], sides[1], seed=seed)
    target = render_map(sides[2], sides[3], seed=seed + 1)
    result = NearestNeighbor(block=block, dtype=dtype)(source, target)
    assert result.drop_attrs().identical(NearestNeighbor()(source, target).drop_attrs())


def test_a_map_matched_with_itself_is_the_identity():
    fmap = render_map(20, 31)
    result = NearestNeighbor()(fmap, fmap)
    y, x = np.meshgrid(fmap["y"], fmap["x"], indexing="ij")
    assert np.array_equal(result["target_x"], x)
    assert np.array_equal(result["target_y"], y)
    assert np.allclose(result["score"], 1, atol=1e-6)
    assert result["matched"].values.all()


def test_equal_cells_give_the_first():
    source, target = render_map(2, 2), render_map(4, 5, seed=1)
    values = target.values.copy()
    values[:] = values[:, 1:2, 2:3]
    result = NearestNeighbor()(source, target.copy(data=values))
    assert (result["target_x"] == target["x"][0]).all()
    assert (result["target_y"] == target["y"][0]).all()


def test_one_part_of_the_channels_can_be_matched_alone():
    """`fmap.sel(channel=...)` gives cells that are not of unit length."""
    source, target = render_map(4, 5), render_map(4, 5, seed=1)
    part = NearestNeighbor()(source[:6], target[:6])
    cosine = np.einsum("cij,ckl->ijkl", source.values[:6], target.values[:6])
    cosine /= np.linalg.norm(target.values[:6], axis=0)
    cosine /= np.linalg.norm(source.values[:6], axis=0)[:, :, None, None]
    best = cosine.reshape(20, 20)
    assert np.array_equal(flat_index(part, target), best.argmax(axis=1))
    assert part["score"].values.ravel() == pytest.approx(best.max(axis=1), abs=1e-6)
