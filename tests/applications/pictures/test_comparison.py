import numpy as np
import pytest
from descr.applications import draw_comparison, split_sources
from descr.applications.pictures.painting import NEUTRAL
from descr.descriptors import SIFT, Fused, combine
from descr.descriptors.errors import InvalidFeaturesError, OptionError
from descr.matchers import NearestNeighbor, SoftArgmax
from support import trees as output
from support.pictures import photograph, random_map


def fused_trees() -> list:
    return [
        output.tree(
            output.layer(random.normal(size=(6, 6, 6)), source="stable_diffusion", weight=0.5),
            output.layer(random.normal(size=(5, 8, 8)), source="dinov2", weight=0.25),
            name=name,
        )
        for name, random in (("a", np.random.default_rng(0)), ("b", np.random.default_rng(1)))
    ]


def test_a_fusion_is_split_into_its_sources_and_itself() -> None:
    trees = fused_trees()
    maps = split_sources(trees)
    assert list(maps) == ["stable_diffusion", "dinov2", "fused"]
    for pair, together in zip(maps["fused"], combine(trees), strict=True):
        np.testing.assert_array_equal(pair, together)
    for source in ("stable_diffusion", "dinov2"):
        for fmap, tree in zip(maps[source], trees, strict=True):
            assert set(fmap["source"].values.tolist()) == {source}
            cells = tree[f"{source}/token"]["features"].values
            expected = cells / np.linalg.norm(cells, axis=0)
            np.testing.assert_allclose(fmap.values, expected, atol=1e-6)


def test_one_source_is_compared_with_nothing() -> None:
    trees = [output.tree(output.layer(np.ones((2, 3, 3)), source="one"))] * 2
    assert list(split_sources(trees)) == ["one"]
    with pytest.raises(InvalidFeaturesError):
        split_sources([])


def test_a_source_that_weighs_nothing_is_left_out() -> None:
    random = np.random.default_rng(0)
    layers = [
        output.layer(random.normal(size=(4, 3, 3)), source=source, weight=weight)
        for source, weight in (("a", 1.0), ("b", 0.0), ("c", 2.0))
    ]
    assert list(split_sources([output.tree(*layers)])) == ["a", "c", "fused"]


def compared(columns: int, width: int = 1200, **settings: object) -> np.ndarray:
    maps = {
        f"descriptor_{place}": [random_map(6, 8, seed=2 * place + side) for side in range(2)]
        for place in range(columns)
    }
    images = [photograph(60, 80), photograph(60, 80, seed=1)]
    return draw_comparison(maps, images, width=width, clusters=3, **settings)  # type: ignore[arg-type]


def bands(white: np.ndarray, least: int) -> int:
    """How many stretches the runs of white leave that are at least this long."""
    edges = np.flatnonzero(np.diff(np.concatenate([[1], white, [1]]).astype(int)))
    gaps = [b - a for a, b in zip(edges[1::2], edges[2::2], strict=False)]
    return 1 + sum(gap >= least for gap in gaps)


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_there_is_a_column_per_descriptor_and_a_row_per_view(columns: int) -> None:
    picture = compared(columns)
    assert picture.dtype == np.uint8
    # Below the header there is no text at the right; lines between clusters are thin.
    below = picture[50:]
    assert bands((below[:, -40:] == 255).all(axis=(1, 2)), least=5) == 4
    # Within the last row; the photographs of a pair lie closer together than the columns.
    last = (picture[-60:-20, 200:] == 255).all(axis=(0, 2))
    assert bands(last, least=7) == columns
    assert picture.shape[1] <= 1202
    assert picture.shape[0] <= 1.25 * 1200 + 2


def test_lines_are_drawn_in_the_row_of_matches_only() -> None:
    maps = [random_map(6, 8, channels=32), random_map(6, 8, seed=1, channels=32)]
    images = [photograph(60, 80), photograph(60, 80, seed=1)]
    plain = draw_comparison({"one": maps}, images, width=900, clusters=2, matches=0)
    lines = draw_comparison({"one": maps}, images, width=900, clusters=2, matches=5)
    changed = (plain != lines).any(axis=(1, 2))
    height = len(changed)
    assert changed[: height // 4].any()
    assert not changed[height // 3 :].any()
    result = NearestNeighbor()(*maps)
    assert bool(result["matched"].all())
    nearest = draw_comparison(
        {"one": maps}, images, width=900, clusters=2, matches=5, matcher=NearestNeighbor()
    )
    assert (nearest != lines).any()


def test_masks_leave_the_rest_neutral() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:50, 10:60] = True
    picture = compared(2, masks=[mask, mask])
    assert (picture == NEUTRAL).all(axis=-1).mean() > 0.25


def test_any_matcher_will_do() -> None:
    assert (compared(1, matcher=SoftArgmax(window=2)) != compared(1)).any()


def test_mixed_shapes_and_any_set_of_sources() -> None:
    images = [photograph(50, 110), photograph(120, 60, seed=1)]
    describe = Fused(SIFT(size=96, step=8), SIFT(size=96, step=12), SIFT(size=128, step=16))
    maps = split_sources(describe.extract(images))
    assert list(maps) == ["sift", "sift_2", "sift_3", "fused"]
    picture = draw_comparison(maps, images, width=1000)
    assert picture.shape[1] == pytest.approx(1000, abs=4)


def test_what_cannot_be_compared_is_refused() -> None:
    images = [photograph(60, 80)] * 2
    pair = [random_map(4, 4), random_map(4, 4, seed=1)]
    with pytest.raises(OptionError, match="no descriptor"):
        draw_comparison({}, images)
    with pytest.raises(OptionError, match="two images, not 1"):
        draw_comparison({"one": pair[:1]}, images)
    with pytest.raises(OptionError, match="the features are of"):
        draw_comparison({"one": pair}, images[:1])
    with pytest.raises(OptionError, match="width"):
        draw_comparison({"one": pair, "two": pair}, images, width=255)
    with pytest.raises(OptionError, match="matches"):
        draw_comparison({"one": pair}, images, matches=-1)
    with pytest.raises(OptionError, match="clusters"):
        draw_comparison({"one": pair}, images, clusters=1)
