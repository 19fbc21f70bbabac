import numpy as np
import pytest
from descr.applications import draw_clusters
from descr.applications.pictures.painting import NEUTRAL
from descr.applications.pictures.palette import CLUSTER_COLORS
from descr.descriptors import SIFT
from descr.descriptors.errors import OptionError
from support.pictures import feature_map, photograph

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
    # To the right of each badge stands its number.
    for start, end in zip(left, [*left[1:], 900], strict=True):
        assert (strip[:, round(start) + 12 : round(end) - 12] < 90).all(axis=-1).any()


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
