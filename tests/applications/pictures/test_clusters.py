from itertools import permutations

import numpy as np
import pytest
from descr.applications import draw_clusters, matched_clusters
from descr.applications.pictures.clusters import assign_centroids
from descr.applications.pictures.painting import NEUTRAL
from descr.applications.pictures.palette import CLUSTER_COLORS
from descr.descriptors import SIFT
from descr.descriptors.errors import ImageError, OptionError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pictures import feature_map, photograph, random_map


def planted(labels: np.ndarray, seed: int, **of: object) -> object:
    """A map in which cells of one label lie near one direction."""
    directions = np.eye(6)[:, labels]
    noise = np.random.default_rng(seed).normal(size=directions.shape) * 0.05
    return feature_map(directions + noise, **of)  # type: ignore[arg-type]


@given(clusters=st.integers(2, 5), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_clusters_are_assigned_as_brute_force_would(clusters: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    reference, centroids = random.normal(size=(2, clusters, 7))
    units = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in (reference, centroids)]
    cosines = units[0] @ units[1].T
    best = max(
        permutations(range(clusters)),
        key=lambda order: sum(cosines[row, column] for row, column in enumerate(order)),
    )
    assert assign_centroids(reference, centroids).tolist() == list(best)


def test_a_greedy_assignment_would_be_worse() -> None:
    # The best single pair (0, 0) is not part of the best assignment.
    def on_the_circle(*degrees: float) -> np.ndarray:
        radians = np.radians(degrees)
        return np.stack([np.cos(radians), np.sin(radians)], axis=1)

    reference, centroids = on_the_circle(0, 30), on_the_circle(5, -85)
    assert assign_centroids(reference, centroids).tolist() == [1, 0]


def test_planted_clusters_are_found_with_one_label_in_all_images() -> None:
    random = np.random.default_rng(0)
    of_a, of_b = random.integers(0, 4, (9, 10)), random.integers(0, 4, (7, 12))
    a = planted(of_a, 1)
    b = planted(of_b, 2, height=70, width=120, name="b.png")
    first, second = matched_clusters([a, b], clusters=4)
    named = {int(label): int(first.values[of_a == label][0]) for label in range(4)}
    assert sorted(named.values()) == [0, 1, 2, 3]
    for planted_labels, result in ((of_a, first), (of_b, second)):
        expected = np.vectorize(named.get)(planted_labels)
        np.testing.assert_array_equal(result, expected)
    assert first.attrs["similarity"] == pytest.approx([1] * 4)
    assert min(second.attrs["similarity"]) > 0.99
    assert second.dims == ("y", "x")
    assert second.dtype == np.int64
    assert second.attrs["image_name"] == "b.png"
    np.testing.assert_array_equal(second["x"], b["x"])


def test_the_largest_cluster_of_the_first_image_comes_first() -> None:
    labels = np.repeat([2, 0, 1], [5, 30, 15]).reshape(5, 10)
    (result,) = matched_clusters([planted(labels, 0)], clusters=3)
    assert np.bincount(result.values.ravel()).tolist() == [30, 15, 5]


def test_a_cluster_that_the_other_image_lacks_does_not_mislead_the_rest() -> None:
    of_a, of_b = np.repeat([0, 1, 2], 12).reshape(6, 6), np.repeat([3, 2, 1], 12).reshape(6, 6)
    first, second = matched_clusters([planted(of_a, 0), planted(of_b, 1)], clusters=3)
    for label in (1, 2):
        assert second.values[of_b == label][0] == first.values[of_a == label][0]
    assert sorted(second.attrs["similarity"])[0] < 0.5


def test_the_same_seed_gives_the_same_clusters() -> None:
    maps = [random_map(12, 12, seed=seed) for seed in range(2)]
    first, again = matched_clusters(maps), matched_clusters(maps)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_cells_outside_the_mask_have_no_cluster() -> None:
    labels = np.repeat([0, 1, 2, 3], 12).reshape(6, 8)
    mask = np.zeros((60, 80), bool)
    mask[:30] = True
    (result,) = matched_clusters([planted(labels, 0)], clusters=2, masks=[mask])
    assert (result.values[3:] == -1).all()
    assert sorted(np.unique(result.values[:3]).tolist()) == [0, 1]
    np.testing.assert_array_equal(result.values[:3] == result.values[0, 0], labels[:3] == 0)


def test_too_many_clusters_for_the_cells_are_refused() -> None:
    with pytest.raises(OptionError, match=r"a\.png has too few cells for 5 clusters: 4"):
        matched_clusters([random_map(2, 2)], clusters=5)
    two = feature_map(np.eye(3)[:, np.tile([0, 1], (6, 6))])
    with pytest.raises(OptionError, match=r"a\.png has too few different cells.*: 2"):
        matched_clusters([two], clusters=4)
    mask = np.zeros((60, 80), bool)
    mask[:10, :10] = True
    with pytest.raises(OptionError, match=r"too few cells.*: 1"):
        matched_clusters([random_map(6, 8)], clusters=2, masks=[mask])


def test_what_cannot_be_clustered_is_refused() -> None:
    fmap = random_map(6, 6)
    for clusters in (1, 13, 2.5):
        with pytest.raises(OptionError, match="clusters must be an integer from 2 to 12"):
            matched_clusters([fmap], clusters=clusters)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="seed"):
        matched_clusters([fmap], seed=-1)
    with pytest.raises(ImageError, match="mask"):
        matched_clusters([fmap], masks=[np.zeros((60, 80), bool)])
    with pytest.raises(OptionError, match="descriptor"):
        matched_clusters([photograph(20, 20)])


HALVES = np.array([[0, 0, 1, 1]] * 3)


def halves(order: tuple[int, int] = (0, 1)) -> object:
    """A map with two clusters, the first of which is a little larger."""
    labels = np.array(order)[HALVES]
    labels[0, 2] = order[0]
    return feature_map(np.eye(3)[:, labels])


def without_legend(picture: np.ndarray) -> np.ndarray:
    """What stands above the list of clusters, which begins with white."""
    white = (picture == 255).all(axis=(1, 2))
    return picture[: np.flatnonzero(white)[0]]


def test_matched_clusters_have_one_colour_in_both_images() -> None:
    picture = draw_clusters([halves(), halves((1, 0))], clusters=2, width=800)
    height, width = picture.shape[:2]
    at = [picture[height // 2, round(width * share)].tolist() for share in (0.02, 0.48, 0.52, 0.98)]
    first, second = CLUSTER_COLORS[:2].tolist()
    assert at == [first, second, second, first]


def test_a_white_line_runs_between_the_clusters() -> None:
    picture = draw_clusters([halves()], clusters=2, width=800)
    height, width = picture.shape[:2]
    row = (picture[height // 2] == 255).all(axis=-1)
    assert np.flatnonzero(row).size in range(1, 6)
    assert abs(np.flatnonzero(row).mean() - width / 2) < 4


def test_each_cluster_carries_its_number_inside() -> None:
    picture = without_legend(draw_clusters([halves()], clusters=2, width=800))
    colors = CLUSTER_COLORS[:2]
    white = (picture == 255).all(axis=-1)
    for side in (slice(30, 370), slice(430, 770)):
        part = picture[:, side]
        assert white[:, side].sum() > 200
        dark = (part < 90).all(axis=-1)
        assert dark.sum() > 30
    assert (picture == colors[0]).all(axis=-1).any()


@pytest.mark.parametrize("wide", [1, 2, 4])
def test_a_number_covers_no_cell_of_another_cluster(wide: int) -> None:
    """A small cluster in a large one has a small number, or none."""
    labels = np.zeros((60, 80), int)
    labels[20 : 20 + wide, 30 : 30 + wide] = 1
    fmap = feature_map(np.eye(2)[:, labels])
    view = draw_clusters([fmap], clusters=2, width=800)[:600]
    # The cells around the small cluster, and it itself, each without the line between them.
    near, inside = np.zeros((2, 600, 800), bool)
    near[170 : 230 + 10 * wide, 270 : 330 + 10 * wide] = True
    near[197 : 203 + 10 * wide, 297 : 303 + 10 * wide] = False
    inside[203 : 197 + 10 * wide, 303 : 297 + 10 * wide] = True
    assert (view[near] == CLUSTER_COLORS[0]).all()
    numbered = (view[inside] != CLUSTER_COLORS[1]).any()
    assert numbered == (wide > 1)


def test_the_legend_lists_every_cluster() -> None:
    labels = np.arange(12).repeat(4).reshape(6, 8)
    picture = draw_clusters([feature_map(np.eye(12)[:, labels])], clusters=12, width=900)
    strip = picture[675:]
    at = [np.argwhere((strip == color).all(axis=-1)) for color in CLUSTER_COLORS]
    assert min(map(len, at)) > 50
    left = [places[:, 1].mean() for places in at]
    assert left == sorted(left)
    # In the middle of each colour stands its number.
    for middle in left:
        assert (strip[:, round(middle) - 8 : round(middle) + 8] < 90).all(axis=-1).any()
    assert [text.text for text in picture.canvas.texts[-12:]] == [str(n) for n in range(1, 13)]


def test_the_photograph_shows_through() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, ::8] = 255
    picture = without_legend(draw_clusters([halves()], clusters=2, images=[image], width=800))
    height, width = picture.shape[:2]
    right = picture[:, width // 2 :].astype(int)
    # Its light and dark stripes, in the colours of the clusters.
    assert right[height // 4].std(axis=0).min() > 10
    assert (picture[:, : width // 2 - 10] == photograph_part(picture)).all()


def photograph_part(picture: np.ndarray) -> np.ndarray:
    """The left half is grey: the photograph itself."""
    left = picture[:, : picture.shape[1] // 2 - 10]
    return np.repeat(left[:, :, :1], 3, axis=2)


def test_outside_the_mask_it_is_neutral() -> None:
    mask = np.zeros((60, 80), bool)
    mask[:30] = True
    picture = without_legend(draw_clusters([halves()], clusters=2, masks=[mask], width=400))
    height = picture.shape[0]
    assert (picture[height // 2 + 4 :] == NEUTRAL).all()
    assert (picture[: height // 2 - 4] != NEUTRAL).any(axis=-1).mean() > 0.9


def test_real_photographs_of_all_shapes() -> None:
    images = [photograph(60, 100), photograph(100, 60, seed=1), photograph(64, 64, seed=2)]
    picture = draw_clusters(images, SIFT(size=96, step=8), clusters=12, width=1000)
    assert picture.dtype == np.uint8
    assert picture.shape[1] == pytest.approx(1000, abs=4)


def test_the_settings_are_checked_before_the_work() -> None:
    with pytest.raises(OptionError, match="width"):
        draw_clusters(["no-such-image.png"], SIFT(), width=1)
    with pytest.raises(OptionError, match="clusters"):
        draw_clusters(["no-such-image.png"], SIFT(), clusters=99)
