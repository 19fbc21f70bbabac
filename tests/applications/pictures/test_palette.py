import numpy as np
import pytest
from descr.applications.pictures.palette import (
    CLUSTER_COLORS,
    plane_colors,
    position_colors,
)

# Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", 2009: full severity, on linear RGB.
SEEN = {
    "all colours": np.eye(3),
    "no red cones": np.array(
        [
            (0.152286, 1.052583, -0.204868),
            (0.114503, 0.786281, 0.099216),
            (-0.003882, -0.048116, 1.051998),
        ]
    ),
    "no green cones": np.array(
        [
            (0.367322, 0.860646, -0.227968),
            (0.280085, 0.672501, 0.047413),
            (-0.011820, 0.042940, 0.968881),
        ]
    ),
}
XYZ = np.array(
    [
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.0721750),
        (0.0193339, 0.1191920, 0.9503041),
    ]
)


def lab(colors: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of sRGB colours as someone with this matrix sees them."""
    encoded = colors / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ seen.T, 0, 1)
    white = XYZ.sum(axis=1)
    ratio = (linear @ XYZ.T) / white
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=-1
    )


def gradient(count: int) -> np.ndarray:
    """The colours of so many points that lie evenly from left to right."""
    return position_colors(np.column_stack([np.arange(count), np.zeros(count)]), count, 1)


@pytest.mark.parametrize("who", SEEN)
def test_a_fifth_of_the_way_makes_another_colour(who: str) -> None:
    seen = lab(gradient(101), SEEN[who])
    steps = np.linalg.norm(seen[20:] - seen[:-20], axis=1)
    # A difference of 2.3 is just noticeable.
    assert steps.min() > 12


def test_every_colour_is_bright() -> None:
    assert lab(gradient(101), np.eye(3))[:, 0].min() > 55


def test_neighbours_on_the_path_look_alike() -> None:
    seen = lab(gradient(1001), np.eye(3))
    assert np.linalg.norm(np.diff(seen, axis=0), axis=1).max() < 2.3


def test_the_colours_are_spread_over_the_points_whatever_their_density() -> None:
    points = np.array([(0.0, 0.0), (1.0, 0.0), (1.5, 0.0), (99.0, 0.0)])
    np.testing.assert_array_equal(position_colors(points, 100, 50), gradient(4))


def test_the_colours_go_with_their_points() -> None:
    points = np.random.default_rng(0).uniform(0, 50, (30, 2))
    order = np.random.default_rng(1).permutation(30)
    np.testing.assert_array_equal(
        position_colors(points[order], 60, 60), position_colors(points, 60, 60)[order]
    )


def test_one_point_has_a_colour() -> None:
    assert position_colors(np.array([(3.0, 4.0)]), 10, 10).shape == (1, 3)


@pytest.mark.parametrize("who", SEEN)
def test_places_in_a_plane_can_be_told_apart(who: str) -> None:
    steps = np.linspace(0, 1, 5)
    across, down = np.meshgrid(steps, steps)
    seen = lab(plane_colors(across, down).reshape(-1, 3), SEEN[who])
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    places = np.stack([across.ravel(), down.ravel()], axis=-1)
    far = np.linalg.norm(places[:, None] - places[None], axis=-1) > 0.7
    assert apart[far].min() > 12
    assert apart[~np.eye(25, dtype=bool)].min() > 2.3


def test_a_plane_changes_evenly_and_has_the_shape_of_its_places() -> None:
    across, down = np.meshgrid(np.linspace(0, 1, 200), np.linspace(0, 1, 100))
    colors = plane_colors(across, down)
    assert colors.shape == (100, 200, 3)
    assert colors.dtype == np.uint8
    for axis in (0, 1):
        assert np.abs(np.diff(colors.astype(int), axis=axis)).max() <= 8


def test_the_plane_is_light_above_and_blue_at_the_left() -> None:
    corners = plane_colors(np.array([0.0, 1, 0, 1]), np.array([0.0, 0, 1, 1]))
    top_left, top_right, bottom_left, bottom_right = corners.astype(int)
    assert top_left.sum() > bottom_left.sum()
    assert top_right.sum() > bottom_right.sum()
    assert top_left[2] > top_left[0]
    assert top_right[2] < top_right[0]


@pytest.mark.parametrize("who", SEEN)
def test_clusters_can_be_told_apart(who: str) -> None:
    seen = lab(CLUSTER_COLORS, SEEN[who])
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert apart[~np.eye(len(seen), dtype=bool)].min() > 8
