import numpy as np
import pytest
from descr.applications import correspondence_colors, draw_correspondence_map
from descr.applications.pictures.painting import NEUTRAL
from descr.applications.pictures.palette import plane_colors
from descr.descriptors import SIFT
from descr.descriptors.errors import ImageError, IncomparableFeaturesError, OptionError
from descr.matchers import MutualNearestNeighbor
from support.pictures import feature_map, photograph, random_map


def test_the_colours_of_identity_are_those_of_the_source() -> None:
    fmap = random_map(7, 9, channels=32)
    source, target = correspondence_colors(fmap, fmap)
    np.testing.assert_array_equal(source, target)
    assert target.attrs["matched"] == 1


def test_the_source_is_coloured_by_position() -> None:
    source, _ = correspondence_colors(random_map(3, 4), random_map(3, 4))
    across, down = np.meshgrid((np.arange(4) + 0.5) / 4, (np.arange(3) + 0.5) / 3)
    np.testing.assert_allclose(source.values, plane_colors(across, down) / 255, atol=1e-6)
    assert source.dims == ("y", "x", "rgb")


def test_a_mirrored_target_has_the_mirrored_colours() -> None:
    a = random_map(6, 8, channels=32)
    b = feature_map(a.values[:, :, ::-1], height=120, width=160, name="b.png")
    source, target = correspondence_colors(a, b)
    np.testing.assert_array_equal(target.values, source.values[:, ::-1])
    assert target.attrs["image_name"] == "b.png"


def test_cells_without_a_match_have_no_colour() -> None:
    cells = np.eye(8)[:, np.arange(8).reshape(2, 4)]
    a = feature_map(cells)
    # Two cells of b are like one of a: only the better can be mutual.
    other = cells.copy()
    other[:, 1, 3] = cells[:, 0, 0] + 0.5 * cells[:, 1, 3]
    other[:, 0, 1] = cells[:, 0, 0] + 0.5 * cells[:, 0, 1]
    source, target = correspondence_colors(a, feature_map(other), matcher=MutualNearestNeighbor())
    assert np.isfinite(source).all()
    lost = ~np.isfinite(target.values).all(axis=-1)
    assert np.argwhere(lost).tolist() == [[0, 1], [1, 3]]
    assert target.attrs["matched"] == pytest.approx(6 / 8)
    picture = draw_correspondence_map(a, feature_map(other), matcher=MutualNearestNeighbor())
    height, width = picture.shape[:2]
    assert (picture[height * 3 // 4, width - width // 16] == NEUTRAL).all()
    assert (picture[height // 4, width - width // 16] != NEUTRAL).any()


def test_masks_bound_the_places_and_stretch_the_colours() -> None:
    a = random_map(6, 8, channels=32)
    mask = np.zeros((60, 80), bool)
    mask[20:40, 40:80] = True
    source, target = correspondence_colors(a, a, source_mask=mask, target_mask=mask)
    np.testing.assert_array_equal(source, target)
    has = np.isfinite(source.values).all(axis=-1)
    assert has.sum() == 2 * 4
    assert has[2:4, 4:].all()
    across, down = np.meshgrid((np.arange(4) + 0.5) / 4, (np.arange(2) + 0.5) / 2)
    expected = plane_colors(across, down) / 255
    np.testing.assert_allclose(source.values[2:4, 4:], expected, atol=1e-6)
    # The target is matched to nothing outside the mask of the source.
    _, whole = correspondence_colors(a, a, source_mask=mask)
    assert np.isfinite(whole).all()
    inner = {tuple(colour) for colour in source.values[has].tolist()}
    assert {tuple(colour) for colour in whole.values.reshape(-1, 3).tolist()} <= inner


def test_the_picture_shows_both_photographs_above_their_colours() -> None:
    a, b = random_map(6, 8, channels=32), random_map(9, 6, seed=1, channels=32, height=90, width=60)
    images = [np.full((60, 80, 3), 30, np.uint8), np.full((90, 60, 3), 220, np.uint8)]
    picture = draw_correspondence_map(a, b, images=images, width=1000)
    assert picture.shape[1] == pytest.approx(1000, abs=3)
    height = picture.shape[0]
    assert (picture[height // 4, 100] == 30).all()
    assert (picture[height // 4, 900] == 220).all()
    tinted = picture[3 * height // 4, 100].astype(int)
    assert np.ptp(tinted) > 20


def test_the_photograph_shows_through_inside_the_mask_only() -> None:
    fmap = random_map(6, 8, channels=32)
    mask = np.zeros((60, 80), bool)
    mask[:, :40] = True
    images = [photograph(60, 80)] * 2
    picture = draw_correspondence_map(
        fmap, fmap, images=images, source_mask=mask, target_mask=mask, width=800
    )
    height, width = picture.shape[:2]
    below = picture[height // 2 + 6 :, : width // 2 - 6]
    assert (below[:, below.shape[1] // 2 + 6 :] == NEUTRAL).all()
    assert (below[:, : below.shape[1] // 2 - 6] != NEUTRAL).any(axis=-1).all()


def test_two_real_photographs(chelsea: np.ndarray) -> None:
    shifted = np.roll(chelsea, 60, axis=1)
    source, target = correspondence_colors(chelsea, shifted, SIFT(size=192, step=8))
    shift = round(60 * source.sizes["x"] / 451)
    kept = source.values[3:-3, 3 : -3 - shift]
    moved = target.values[3:-3, 3 + shift : -3]
    assert (np.abs(kept - moved).max(axis=-1) < 0.1).mean() > 0.8


def test_what_does_not_go_together_is_refused() -> None:
    a = random_map(6, 8)
    with pytest.raises(IncomparableFeaturesError):
        correspondence_colors(a, random_map(6, 8, basis="other"))
    with pytest.raises(ImageError, match="mask"):
        correspondence_colors(a, a, target_mask=np.zeros((60, 80), bool))
    with pytest.raises(OptionError, match="width"):
        draw_correspondence_map(a, a, width=3)
    with pytest.raises(OptionError, match="features are of 2 images, and images has 1"):
        draw_correspondence_map(a, a, images=[photograph(60, 80)])
