import cv2
import numpy as np
import pytest
from descr.descriptors import SIFT
from descr.descriptors.errors import OptionError
from descr.descriptors.testing import render_picture
from descr.matchers import MutualNearestNeighbor, to_matches


def mutual_matches(describe, source, target):
    a, b = describe(source, target)
    return to_matches(MutualNearestNeighbor()(a, b))


def share_within(distance: np.ndarray, limit: float) -> float:
    return float((distance <= limit).mean())


def test_a_stereo_pair_is_matched(motorcycle):
    left, right, disparity = motorcycle
    matches = mutual_matches(SIFT(step=8), left, right)
    row = np.rint(matches.source_y.values).astype(int)
    column = np.rint(matches.source_x.values).astype(int)
    shift = disparity[row, column]
    valid = np.isfinite(shift)
    error = np.hypot(
        matches.source_x - shift - matches.target_x, matches.source_y - matches.target_y
    ).values[valid]
    assert valid.sum() >= 4000
    assert share_within(error, 8) >= 0.92


@pytest.mark.parametrize("scales", [(1,), (1, 2, 4)])
def test_matches_at_the_edges_are_as_good_as_inside(motorcycle, scales):
    left, right, disparity = motorcycle
    matches = mutual_matches(SIFT(scales=scales), left, right)
    columns = ("source_x", "source_y", "target_x", "target_y")
    x, y, target_x, target_y = (matches[name].values for name in columns)
    true_x = x - disparity[np.rint(y).astype(int), np.rint(x).astype(int)]
    shown = true_x >= -0.5  # what the right image doesn't show has no match to be found
    error = np.hypot(true_x - target_x, y - target_y)
    height, width = left.shape[:2]
    sides = (x, width - 1 - x, y, height - 1 - y, target_x, width - 1 - target_x, target_y)
    edge = np.minimum.reduce([*sides, height - 1 - target_y]) < 8
    assert (edge & shown).sum() >= 150
    assert share_within(error[edge & shown], 8) >= share_within(error[~edge & shown], 8) - 0.02


@pytest.mark.parametrize("fit", ["aspect", "pad"])
def test_what_lies_beyond_the_image_is_its_reflection(fit):
    picture = render_picture(80, 128)
    larger = np.pad(picture, ((88, 88), (64, 64), (0, 0)), "symmetric")  # a square of 256
    options = {"cell": 4, "scales": (1, 2, 4), "fit": fit}
    features = SIFT(size=128, **options).extract([picture])[0]
    reflected = SIFT(size=256, **options).extract([larger])[0]
    for scale in ("scale_1", "scale_2", "scale_4"):
        ours = features[f"sift/{scale}"]["features"]
        assert ours.shape == (128, 10, 16)
        theirs = reflected[f"sift/{scale}"]["features"].sel(y=ours.y + 88, x=ours.x + 64)
        assert (ours.values * theirs.values).sum(axis=0).min() > 0.9999


def test_cells_at_the_edges_are_like_those_of_a_larger_photograph(chelsea):
    options = {"cell": 4, "scales": (1, 2, 4)}
    whole = SIFT(size=448, **options).extract([chelsea[:296, :448]])[0]
    crop = SIFT(size=224, **options).extract([chelsea[72:224, 112:336]])[0]
    for scale in ("scale_1", "scale_2", "scale_4"):
        ours = crop[f"sift/{scale}"]["features"]
        theirs = whole[f"sift/{scale}"]["features"].sel(y=ours.y + 72, x=ours.x + 112)
        cosine = (ours.values * theirs.values).sum(axis=0)
        edge = np.concatenate([cosine[0], cosine[-1], cosine[:, 0], cosine[:, -1]])
        assert edge.mean() > 0.89


def test_a_smaller_brighter_copy_is_matched(chelsea):
    height, width = chelsea.shape[:2]
    small = cv2.resize(chelsea, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    bright = np.clip(small * 1.2 + 20, 0, 255).astype(np.uint8)
    matches = mutual_matches(SIFT(step=8), chelsea, bright)
    scale_x, scale_y = bright.shape[1] / width, bright.shape[0] / height
    error = np.hypot(
        (matches.source_x + 0.5) * scale_x - 0.5 - matches.target_x,
        (matches.source_y + 0.5) * scale_y - 0.5 - matches.target_y,
    ).values
    assert len(error) > 2000
    assert share_within(error, 8) >= 0.98


def test_features_are_those_of_opencv_at_the_centres_of_the_cells():
    picture = render_picture(64, 96)
    tree = SIFT(size=96, step=8, cell=6).extract([picture])[0]
    features = tree["sift/scale_1"]["features"]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    keypoint = cv2.KeyPoint(float(features.x[7]), float(features.y[3]), 4.0, 0)
    _, histogram = cv2.SIFT.create().compute(grey, [keypoint])
    root = np.sqrt(histogram[0] / histogram[0].sum())
    assert np.abs(features.values[:, 3, 7] - root).max() < 2e-3


def test_cells_have_unit_length_also_where_the_image_is_flat():
    flat = np.full((64, 64, 3), 77, np.uint8)
    for picture in (flat, render_picture(64, 64)):
        features = SIFT(size=64).extract([picture])[0]["sift/scale_1"]["features"]
        assert np.allclose(np.linalg.norm(features, axis=0), 1, atol=1e-5)


def test_histograms_are_upright_and_the_bins_are_as_wide_as_asked():
    # A vertical edge is seen by the bins that it passes through: half a descriptor away or less.
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[:, 64:] = 255
    for cell in (4, 8):
        features = SIFT(size=128, step=4, cell=cell).extract([picture])[0]["sift/scale_1"]
        reach = np.abs(features.x.values + 0.5 - 64)
        seen = features["features"].values[:, 16].max(axis=0) > 0.2
        assert seen[reach < 2 * cell].all()
        assert not seen[reach > 3 * cell + 8].any()
        # Only the two orientations across the edge: dark to bright along x, orientation bin 0.
        strong = features["features"].values[:, 16, reach < cell].reshape(4, 4, 8, -1)
        assert strong[:, :, 0].max() > 0.2
        assert strong[:, :, 1:].max() < 0.1


def test_scales_are_layers_on_one_grid():
    describe = SIFT(size=128, step=8, cell=6, scales=[1, 2.5])
    tree = describe.extract([render_picture(96, 128)])[0]
    assert list(tree["sift"].children) == ["scale_1", "scale_2.5"]
    wide = SIFT(size=128, step=8, cell=15).extract([render_picture(96, 128)])[0]
    assert np.array_equal(tree["sift/scale_2.5"]["features"], wide["sift/scale_1"]["features"])
    alone = SIFT(size=128, step=8, cell=6).extract([render_picture(96, 128)])[0]["sift/scale_1"]
    cosine = (tree["sift/scale_1"]["features"] * alone["features"]).sum("channel")
    assert cosine.min() > 0.9999
    (fmap,) = describe(render_picture(96, 128))
    assert fmap.shape == (256, 12, 16)


def test_steps_set_the_grid():
    features = SIFT(size=128, step=4).extract([render_picture(64, 128)])[0]["sift/scale_1"]
    assert features["features"].shape == (128, 16, 32)
    assert np.allclose(features.x, np.arange(32) * 4 + 1.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 0}, "step must be an integer of at least 1"),
        ({"cell": 0.5}, "cell must be a finite number of at least 1"),
        ({"scales": []}, "scales must be a list of positive numbers"),
        ({"scales": "12"}, "scales must be a list of positive numbers"),
        ({"scales": [1, 0]}, "scales must be a finite number above 0"),
        ({"scales": [1, 1.0]}, "scales holds a number twice"),
        ({"size": 0}, "size must be an integer of at least 1"),
        ({"size": 100, "fit": "pad"}, "size must be a multiple of 8"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(OptionError, match=message):
        SIFT(**options)
