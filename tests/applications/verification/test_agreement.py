import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.applications import Agreement, measure_agreement
from descr.descriptors import SIFT
from descr.descriptors.errors import ImageError, OptionError
from descr.matchers.testing import render_map
from skimage import data

CATS = [
    Path(__file__).parents[3] / "docs" / "images" / f"{name}.jpg" for name in ("cat", "cat-closer")
]
BLACK = np.zeros((200, 300, 3), np.uint8)
COARSE = SIFT(size=384)


@pytest.fixture(scope="module")
def photographs() -> dict[str, np.ndarray]:
    return {name: getattr(data, name)() for name in ("chelsea", "coffee", "rocket", "astronaut")}


def copy(photograph: np.ndarray) -> np.ndarray:
    """The photograph scaled, turned by 10 degrees, cropped and brightened."""
    height, width = photograph.shape[:2]
    image = PIL.Image.fromarray(photograph).resize((width * 6 // 5, height * 6 // 5))
    turned = image.rotate(10, PIL.Image.Resampling.BICUBIC)
    pixels = np.asarray(turned)[height // 5 : height, width // 5 : width]
    return np.minimum(pixels * 1.25, 255).astype(np.uint8)


def test_two_views_agree() -> None:
    for one, other in (CATS, CATS[::-1], data.stereo_motorcycle()[:2]):
        agreement = measure_agreement(one, other, descriptor=COARSE)
        assert not agreement.doubtful, agreement
        assert agreement.mutual > 0.5
        assert agreement.coherent > 0.8
        assert agreement.round_trip == 0


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "astronaut"])
def test_a_changed_copy_agrees(photographs: dict[str, np.ndarray], name: str) -> None:
    pair = photographs[name], copy(photographs[name])
    agreement = measure_agreement(*pair, descriptor=COARSE)
    assert not agreement.doubtful, agreement


def test_unrelated_photographs_do_not(photographs: dict[str, np.ndarray]) -> None:
    names = sorted(photographs)
    maps = dict(zip(names, COARSE(*photographs.values()), strict=True))
    for one in names:
        for other in names:
            agreement = measure_agreement(maps[one], maps[other])
            assert agreement.doubtful == (one != other), (one, other, agreement)


def test_an_image_of_nothing_agrees_with_none(photographs: dict[str, np.ndarray]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, BLACK.shape, dtype=np.uint8)
    nothing, grey, snow, cat = COARSE(BLACK, BLACK + 128, noise, photographs["chelsea"])
    for one in (nothing, grey, snow):
        for other in (cat, nothing):
            for pair in ((one, other), (other, one)):
                agreement = measure_agreement(*pair)
                assert agreement.doubtful, agreement


def test_features_in_a_mirror_still_agree() -> None:
    source = render_map(12, 16)
    mirrored = source.copy(data=source.values[:, :, ::-1])
    agreement = measure_agreement(source, mirrored)
    assert (agreement.mutual, agreement.round_trip) == (1, 0)
    assert agreement.coherent > 0.95
    scattered = source.values.reshape(12, -1)[:, np.random.default_rng(0).permutation(12 * 16)]
    agreement = measure_agreement(source, source.copy(data=scattered.reshape(source.shape)))
    assert agreement.mutual == 1
    assert agreement.coherent < 0.1
    assert agreement.doubtful


def test_only_cells_inside_the_masks_count(photographs: dict[str, np.ndarray]) -> None:
    cat, cup = photographs["chelsea"], photographs["coffee"][:300, :451]
    both = np.concatenate([cat, cup], axis=1)
    left = np.zeros(both.shape[:2], dtype=bool)
    left[:, :451] = True
    maps = COARSE(both, both)
    assert not measure_agreement(*maps, source_mask=left, target_mask=left).doubtful
    assert measure_agreement(*maps, source_mask=left, target_mask=~left).doubtful
    with pytest.raises(ImageError, match="source mask leaves no cell"):
        measure_agreement(*maps, source_mask=np.zeros(left.shape, dtype=bool))


def test_what_there_is_too_little_of_is_doubtful() -> None:
    one = render_map(1, 1)
    assert measure_agreement(one, one).doubtful


def test_a_few_matches_prove_little() -> None:
    """Four cells are all that an affine map can always be made to fit, and one more."""
    small, large = render_map(2, 2), render_map(8, 8)
    assert measure_agreement(small, small).coherent < 0.1
    assert measure_agreement(large, large).coherent > 0.9


def test_the_verdict_needs_matches_that_move_together_in_enough_cells() -> None:
    assert not Agreement(mutual=0.1, round_trip=9.0, coherent=0.25).doubtful
    assert Agreement(mutual=0.5, round_trip=9.0, coherent=0.15).doubtful
    assert Agreement(mutual=0.02, round_trip=9.0, coherent=0.25).doubtful


def test_it_goes_into_json() -> None:
    document = Agreement(mutual=1 / 3, round_trip=51.25, coherent=0.125).to_dict()
    assert json.loads(json.dumps(document)) == {
        "mutual": 0.3333, "round_trip": 51.25, "coherent": 0.125, "doubtful": True,
    }  # fmt: skip


def test_images_need_a_descriptor() -> None:
    with pytest.raises(OptionError, match="descriptor"):
        measure_agreement(*CATS)
