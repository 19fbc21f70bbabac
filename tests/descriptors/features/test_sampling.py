import numpy as np
import pytest
from descr.descriptors import combine, sample_features
from descr.descriptors.errors import InvalidFeaturesError, OptionError, PointError
from support.trees import layer, tree


@pytest.fixture
def fmap():
    features = np.random.default_rng(0).standard_normal((5, 4, 8))
    return combine([tree(layer(features))])[0]


def test_at_the_centre_of_a_cell_both_interpolations_give_the_cell(fmap):
    points = [(float(fmap.x[3]), float(fmap.y[1])), (float(fmap.x[7]), float(fmap.y[3]))]
    for interpolation in ("bilinear", "nearest"):
        sampled = sample_features(fmap, points, interpolation=interpolation)
        assert sampled.dims == ("channel", "point")
        assert np.allclose(sampled[:, 0], fmap[:, 1, 3], atol=1e-6)
        assert np.allclose(sampled[:, 1], fmap[:, 3, 7], atol=1e-6)


def test_between_two_cells_bilinear_is_their_renormalised_mean(fmap):
    between = (float(fmap.x[2] + fmap.x[3]) / 2, float(fmap.y[0]))
    expected = fmap.values[:, 0, 2] + fmap.values[:, 0, 3]
    sampled = sample_features(fmap, [between])
    assert np.allclose(sampled[:, 0], expected / np.linalg.norm(expected), atol=1e-6)


def test_nearest_takes_the_cell_that_holds_the_point(fmap):
    # Cells are 16 pixels wide and 32 high, and pixel 0 is centred at 0.
    sampled = sample_features(fmap, [(15.4, 31.4), (15.6, 31.6)], interpolation="nearest")
    assert np.allclose(sampled[:, 0], fmap[:, 0, 0], rtol=0, atol=1e-6)
    assert np.allclose(sampled[:, 1], fmap[:, 1, 1], rtol=0, atol=1e-6)


def test_points_out_to_the_edge_of_the_image_are_sampled(fmap):
    corners = [(-0.5, -0.5), (127.5, -0.5), (-0.5, 127.5), (127.5, 127.5)]
    sampled = sample_features(fmap, corners)
    expected = fmap.values[:, [0, 0, 3, 3], [0, 7, 0, 7]]
    assert np.allclose(sampled, expected, atol=1e-6)


def test_labels_and_lengths(fmap):
    sampled = sample_features(fmap, np.array([[3.0, 4.0], [50.5, 60.25]]))
    assert np.allclose(np.linalg.norm(sampled, axis=0), 1, atol=1e-6)
    assert sampled.x.values.tolist() == [3.0, 50.5]
    assert sampled.y.values.tolist() == [4.0, 60.25]
    assert sampled.source.values.tolist() == ["net"] * 5
    assert sampled.attrs["basis"] == fmap.attrs["basis"]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(128, 5)], r"the point \(128, 5\) lies outside a\.png, which is 128 x 128 pixels"),
        ([(5, 5), (-0.6, 5)], r"the point \(-0.6, 5\) lies outside"),
        ([(5, float("nan"))], r"the point \(5, nan\) lies outside"),
        ([5, 5], r"shape \(2,\)"),
        ([(1, 2, 3)], r"shape \(1, 3\)"),
        ([], "shape"),
        ([("a", "b")], "pairs of numbers"),
    ],
)
def test_bad_points_are_named(fmap, points, message):
    with pytest.raises(PointError, match=message):
        sample_features(fmap, points)


def test_bad_maps_and_interpolations_are_refused(fmap):
    with pytest.raises(OptionError, match="interpolation must be one of bilinear, nearest"):
        sample_features(fmap, [(1, 1)], interpolation="cubic")
    with pytest.raises(InvalidFeaturesError, match="NaN or infinite"):
        sample_features(fmap * np.float32("nan"), [(1, 1)])
    with pytest.raises(InvalidFeaturesError, match=r"not an xarray\.DataArray"):
        sample_features(fmap.values, [(1, 1)])
