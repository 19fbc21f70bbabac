from collections.abc import Sequence

import cv2
import numpy as np
import pytest
import torch
import xarray as xr
from descr.applications.masks import JointForeground
from descr.descriptors import SIFT, Backbone, Layer
from descr.descriptors.errors import ImageError, IncomparableFeaturesError, OptionError
from skimage import data


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union."""
    return float((mask & truth).sum() / (mask | truth).sum())


def paste(
    face: np.ndarray, ground: np.ndarray, *, scale: float, angle: float, at: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """An oval of the face on a grey ground, turned and scaled around `at`, and where it is."""
    height, width = face.shape[:2]
    oval = np.zeros((height, width), np.uint8)
    cv2.ellipse(oval, (width // 2, height // 2), (150, 120), 0, 0, 360, 255, cv2.FILLED)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    matrix[:, 2] += np.array(at) - (width / 2, height / 2)
    size = ground.shape[1::-1]
    alpha = cv2.warpAffine(oval, matrix, size)[:, :, None] / 255
    over = cv2.warpAffine(face, matrix, size, flags=cv2.INTER_AREA)
    scene = over * alpha + ground[:, :, None] * (1 - alpha)
    return np.rint(scene).astype(np.uint8), alpha[:, :, 0] > 0.5


@pytest.fixture(scope="module")
def scenes(chelsea: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """A cat's face in front of gravel and, nearer and turned, in front of bricks."""
    face = chelsea[:, 20:420]
    return [
        paste(face, data.gravel()[:400], scale=0.8, angle=0, at=(250, 190)),
        paste(face, data.brick()[:400], scale=0.95, angle=12, at=(290, 210)),
    ]


@pytest.fixture(scope="module")
def maps(scenes: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[xr.DataArray]:
    return SIFT(size=384)(*[scene for scene, _ in scenes])


def test_the_same_object_is_found_in_front_of_other_grounds(
    scenes: Sequence[tuple[np.ndarray, np.ndarray]], maps: list[xr.DataArray]
) -> None:
    masks = JointForeground()(maps=maps)
    overlaps = [overlap(mask, truth) for mask, (_, truth) in zip(masks, scenes, strict=True)]
    assert min(overlaps) > 0.8, overlaps


def test_a_ground_that_both_share_is_left_out(chelsea: np.ndarray) -> None:
    gravel = data.gravel()[:400]
    pair = [
        paste(chelsea[:, 20:420], ground, scale=0.8, angle=angle, at=(260, 200))
        for ground, angle in ((gravel, 0), (gravel[:, ::-1], 8))
    ]
    masks = JointForeground()(maps=SIFT(size=384)(*[scene for scene, _ in pair]))
    assert min(overlap(mask, truth) for mask, (_, truth) in zip(masks, pair, strict=True)) > 0.8


class Colours(Backbone):
    """The mean colour of 4 x 4 pixels: nothing but what two images share in colour."""

    layers = (Layer("mean", stride=4),)

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"mean": torch.nn.functional.avg_pool2d(pixels - 0.5, 4)}


def blobs(seed: int, low: int, high: int) -> np.ndarray:
    """Colours that change over some cells, between these bounds: uint8 (128, 160, 3)."""
    noise = np.random.default_rng(seed).integers(low, high, (8, 10, 3)).astype(np.uint8)
    return cv2.resize(noise, (160, 128), interpolation=cv2.INTER_CUBIC)


def test_any_descriptor_will_do() -> None:
    y, x = np.mgrid[:128, :160]
    truths = [np.hypot(y - 64, x - at) < 36 for at in (70, 90)]
    pair = [
        np.where(truth[:, :, None], np.roll(blobs(0, 60, 256), at - 70, axis=1), ground)
        for truth, at, ground in zip(
            truths, (70, 90), (blobs(1, 0, 110), blobs(2, 0, 110)), strict=True
        )
    ]
    masks = JointForeground()(maps=Colours(size=160)(*pair))
    overlaps = [overlap(mask, truth) for mask, truth in zip(masks, truths, strict=True)]
    assert min(overlaps) > 0.7, overlaps


def test_the_same_seed_gives_the_same_masks(maps: list[xr.DataArray]) -> None:
    first, second = (JointForeground(seed=3)(maps=maps) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_order_of_the_images_hardly_matters(maps: list[xr.DataArray]) -> None:
    first, second = JointForeground()(maps=maps), JointForeground()(maps=maps[::-1])
    for one, other in zip(first, second[::-1], strict=True):
        assert overlap(one, other) > 0.9


def test_the_features_are_not_changed(maps: list[xr.DataArray]) -> None:
    before = [fmap.copy(deep=True) for fmap in maps]
    JointForeground()(maps=maps)
    for fmap, copy in zip(maps, before, strict=True):
        xr.testing.assert_identical(fmap, copy)


def test_one_image_is_judged_by_its_borders() -> None:
    y, x = np.mgrid[:128, :160]
    truth = np.hypot(y - 60, x - 84) < 30
    scene = np.where(truth[:, :, None], (200, 40, 40), (30, 90, 160)).astype(np.uint8)
    (mask,) = JointForeground()(maps=Colours(size=160)(scene))
    assert overlap(mask, truth) > 0.7


def test_edges_are_smooth(maps: list[xr.DataArray]) -> None:
    mask, _ = JointForeground()(maps=maps)
    edge = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    turns = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    # No tooth of a cell: a brush of 5 pixels reaches all but some corners.
    assert (mask & (turns == 0)).sum() < 0.05 * sum(len(line) for line in edge)


def test_images_in_which_nothing_stands_out_are_named() -> None:
    blank = [np.full((64, 64, 3), value, np.uint8) for value in (90, 200)]
    with pytest.raises(ImageError, match=r"nothing stands out in array.*--segment"):
        JointForeground()(maps=SIFT(size=64)(*blank))


def test_what_cannot_be_is_refused(maps: list[xr.DataArray]) -> None:
    with pytest.raises(OptionError, match="clusters"):
        JointForeground(clusters=1)
    with pytest.raises(OptionError, match="needs the feature maps"):
        JointForeground()([np.zeros((8, 8, 3), np.uint8)])
    with pytest.raises(IncomparableFeaturesError):
        JointForeground()(maps=[maps[0], maps[1].assign_attrs(basis="another")])


def test_a_map_beside_itself_has_the_mask_that_it_has_alone(maps: Sequence[xr.DataArray]) -> None:
    alone = JointForeground()(maps=maps[:1])[0]
    both = JointForeground()(maps=[maps[0], maps[0]])
    assert both[0].sum() > 0
    np.testing.assert_array_equal(both[0], both[1])
    assert overlap(both[0], alone) > 0.5
