"""Matchers of users, and what every matcher inherits."""

import numpy as np
import pytest
import torch
import xarray as xr
from descr.descriptors.errors import IncomparableFeaturesError, InvalidFeaturesError, OptionError
from descr.descriptors.features.tensors import FeatureMap
from descr.matchers import (
    Cells,
    Matcher,
    MutualNearestNeighbor,
    NearestNeighbor,
    Partners,
    SoftArgmax,
    available,
    create,
)
from descr.matchers.testing import check_matcher, render_map
from PIL import Image

CPU = torch.device("cpu")


class Confident(Matcher):
    def __init__(self, *, least=0.5, device="cpu"):
        super().__init__(device=device)
        self.least = least

    def match(self, query, source, target):
        best = self.search(query, target)
        return Partners(
            x=target.x[best.index],
            y=target.y[best.index],
            score=best.score,
            matched=best.score >= self.least,
        )


def test_a_matcher_with_one_method():
    matcher = Confident(least=0.6)
    assert repr(matcher) == "Confident(least=0.6, device='cpu')"
    check_matcher(matcher)
    result = matcher(render_map(9, 9), render_map(9, 9, seed=1))
    assert np.array_equal(result["matched"], result["score"] >= 0.6)
    assert 0 < result["matched"].values.mean() < 1


@pytest.mark.parametrize(
    ("partners", "message"),
    [
        (Partners(torch.zeros(3), torch.zeros(4), torch.zeros(4)), r"x has the shape \(3,\)"),
        (Partners(torch.zeros(4), torch.zeros(4), torch.zeros(4, 1)), r"score has the shape"),
        (Partners(torch.full((4,), torch.nan), torch.zeros(4), torch.zeros(4)), "NaN or infinite"),
    ],
)
def test_a_matcher_that_gives_nonsense_is_told(partners, message):
    class Broken(Matcher):
        def match(self, query, source, target):
            return partners

    with pytest.raises(ValueError, match=message):
        Broken()(render_map(2, 2), render_map(2, 2))


def by_definition(source, target, radius, of_target=slice(None)):
    """The margin of every cell, from all scores at once; `of_target` are the cells in the mask."""
    columns = target.sizes["x"]
    cells = np.arange(target.sizes["y"] * columns)[of_target]
    flat = [
        fmap.values.reshape(fmap.sizes["channel"], -1).astype(float) for fmap in (source, target)
    ]
    scores = (flat[0].T @ flat[1][:, cells]).astype(np.float32)
    best = cells[scores.argmax(1)][:, None]
    apart = np.maximum(
        abs(cells // columns - best // columns), abs(cells % columns - best % columns)
    )
    outside = np.where(apart > radius, scores, -np.inf).max(1)
    margins = np.where(np.isfinite(outside), scores.max(1) - outside, np.nan)
    return margins.reshape(source.sizes["y"], source.sizes["x"])


@pytest.mark.parametrize("kind", [NearestNeighbor, MutualNearestNeighbor, SoftArgmax])
@pytest.mark.parametrize("radius", [0, 1, 3, 100])
def test_the_margin_is_over_the_best_score_outside_the_neighbourhood(kind, radius):
    source, target = render_map(5, 7), render_map(6, 5, seed=1)
    result = kind(margin=radius, block=4)(source, target)
    assert result["margin"].dtype == np.float32
    np.testing.assert_array_equal(result["margin"].values, by_definition(source, target, radius))
    without = kind(block=4)(source, target)
    assert result.drop_vars("margin").drop_attrs().identical(without.drop_attrs())
    points = kind(margin=radius)(source, target, points=[(3.5, 3.5)], interpolation="nearest")
    np.testing.assert_allclose(points["margin"].values[0], result["margin"].values[0, 0], atol=1e-6)


def test_cells_outside_the_masks_have_no_part_in_margins():
    source, target = render_map(5, 7), render_map(6, 5, seed=1)
    masks = np.zeros((40, 56), bool), np.zeros((48, 40), bool)
    masks[0][:16], masks[1][24:] = True, True
    result = NearestNeighbor(margin=1)(source, target, source_mask=masks[0], target_mask=masks[1])
    expected = by_definition(source, target, 1, slice(15, None))
    expected[2:] = np.nan
    np.testing.assert_array_equal(result["margin"].values, expected)


def test_the_result_is_labelled():
    source, target = render_map(3, 4, name="cat.jpg"), render_map(5, 2, name="dog.jpg", seed=1)
    result = NearestNeighbor()(source, target)
    assert result.attrs == {
        "matcher": "NearestNeighbor(dtype='auto', device=None, block=None, margin=None)",
        "basis": "test",
        "source_name": "cat.jpg",
        "source_height": 24,
        "source_width": 32,
        "source_spacing": 8.0,
        "target_name": "dog.jpg",
        "target_height": 40,
        "target_width": 16,
        "target_spacing": 8.0,
    }
    assert result["target_x"].attrs["units"] == result["y"].attrs["units"] == "pixel"
    assert result["score"].attrs["long_name"] == "cosine similarity"
    points = NearestNeighbor()(source, target, points=[(1, 2)])
    assert points["source_x"].attrs["units"] == "pixel"
    assert points.attrs == result.attrs


def test_scores_never_leave_the_range_of_a_cosine():
    fmap = render_map(8, 8)
    longer = fmap.copy(data=fmap.values * np.float32(1.00009))
    assert NearestNeighbor()(longer, longer)["score"].max() == 1


def test_masks_in_every_form(tmp_path):
    source, target = render_map(4, 4), render_map(4, 4, seed=1)
    mask = np.zeros((32, 32), dtype=bool)
    mask[8:24, 8:24] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    result = NearestNeighbor()(source, target, source_mask=mask, target_mask=mask)
    assert result["matched"].sum() == 4
    for same in (mask * np.uint8(255), Image.fromarray(mask), tmp_path / "mask.png"):
        assert result.identical(
            NearestNeighbor()(source, target, source_mask=same, target_mask=same)
        )


def test_all_points_outside_the_mask_are_unmatched():
    source, target = render_map(4, 4), render_map(4, 4, seed=1)
    mask = np.zeros((32, 32), dtype=bool)
    mask[8:, :] = True
    result = NearestNeighbor()(source, target, points=[(3, 3), (9, 1)], source_mask=mask)
    assert not result["matched"].values.any()
    assert np.isnan(result["score"].values).all()
    assert result["target_x"].dtype == np.float64
    assert result["score"].dtype == np.float32


def test_maps_of_different_bases_name_both_images():
    source, target = render_map(2, 2, name="cat.jpg"), render_map(2, 2, name="dog.jpg", basis="x")
    with pytest.raises(IncomparableFeaturesError, match=r"cat\.jpg and dog\.jpg"):
        NearestNeighbor()(source, target)


def test_a_bad_map_is_named_by_its_role():
    good, bad = render_map(2, 2), render_map(2, 2)
    bad[0, 0, 0] = np.nan
    with pytest.raises(InvalidFeaturesError, match="source map holds NaN"):
        NearestNeighbor()(bad, good)
    with pytest.raises(InvalidFeaturesError, match="target map holds NaN"):
        NearestNeighbor()(good, bad)


def test_interpolation_changes_what_is_asked():
    source, target = render_map(4, 4), render_map(9, 9, seed=1)
    point = [(7.5, 7.5)]
    bilinear = NearestNeighbor()(source, target, points=point)
    nearest = NearestNeighbor()(source, target, points=point, interpolation="nearest")
    assert bilinear["score"] != nearest["score"]
    cell = NearestNeighbor()(source, target).isel(y=1, x=1)
    assert nearest["score"].item() == cell["score"].item()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float16"}, "one of auto, float32, bfloat16"),
        ({"device": "gpu"}, "unknown device"),
        ({"block": 0}, "block must be an integer of at least 1"),
    ],
)
@pytest.mark.parametrize("name", ["nearest", "mutual", "soft-argmax"])
def test_bad_settings_are_refused(name, options, message):
    if name == "soft-argmax":
        message = message.replace(", bfloat16", "")
    with pytest.raises(OptionError, match=message):
        create(name, **options)


def test_the_registry_lists_and_makes_matchers():
    assert available() == ("nearest", "mutual", "soft-argmax")
    assert create("mutual", tolerance=2).settings["tolerance"] == 2
    assert isinstance(create("descr.matchers.nearest:NearestNeighbor"), NearestNeighbor)
    with pytest.raises(OptionError, match=r"unknown matcher: 'nearst'.*did you mean 'nearest'"):
        create("nearst")
    with pytest.raises(OptionError, match="unknown option of matcher 'mutual': 'tolerence'"):
        create("mutual", tolerence=1)


def test_results_are_plain_datasets(tmp_path):
    result = NearestNeighbor()(render_map(3, 3), render_map(3, 3, seed=1))
    result.to_netcdf(tmp_path / "found.nc")
    with xr.open_dataset(tmp_path / "found.nc") as loaded:
        assert loaded.load().identical(result)


def test_a_matcher_with_a_match_of_its_own_is_held_to_use_the_source():
    class Mine(NearestNeighbor):
        def match(self, query, source, target):
            return super().match(query, source, target)

    class Renamed(NearestNeighbor):
        pass

    class Stated(Mine):
        uses_source = False

    assert Confident.uses_source
    assert Mine.uses_source
    assert not Renamed.uses_source
    assert not Stated.uses_source


@pytest.mark.parametrize("name", ["nearest", "soft-argmax"])
def test_a_matcher_that_does_without_the_source_says_so(name):
    matcher = create(name)
    maps = render_map(6, 7), render_map(5, 8, seed=1)
    source, target = (Cells.of(FeatureMap.from_xarray(fmap)) for fmap in maps)
    query = source.take(torch.tensor([3, 20, 41]))
    assert not matcher.uses_source
    alone = Cells(query.features, query.index * 0, query.y * 0, query.x * 0, (0, 0))
    ours, theirs = matcher.match(alone, alone, target), matcher.match(query, source, target)
    for first, second in zip(
        (ours.x, ours.y, ours.score), (theirs.x, theirs.y, theirs.score), strict=True
    ):
        assert torch.equal(first, second)
