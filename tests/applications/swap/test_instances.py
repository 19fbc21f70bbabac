from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from descr.applications import swap_both, swap_frames, swap_instances
from descr.applications.swap import NothingMatchedError
from descr.descriptors import SIFT
from descr.descriptors.errors import (
    ImageError,
    IncomparableFeaturesError,
    OptionError,
    WeightsNotFoundError,
)
from descr.matchers import MutualNearestNeighbor, SoftArgmax
from support.copies import CodedMap, Copy

HEIGHT, WIDTH = 48, 60
CODES = np.arange(8 * 10).reshape(8, 10)
FULL = np.ones((HEIGHT, WIDTH), dtype=bool)


def noise(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def psnr(result: np.ndarray, wanted: np.ndarray, mask: np.ndarray) -> float:
    error = (result.astype(float) - wanted)[mask]
    return float(10 * np.log10(255**2 / np.mean(error**2)))


@pytest.mark.parametrize("blend", ["none", "feather", "poisson"])
@pytest.mark.parametrize("smoothness", [0, 2])
def test_full_masks_and_the_identity_give_the_target(
    coded_map: CodedMap, blend: Any, smoothness: float
) -> None:
    maps = [coded_map(HEIGHT, WIDTH, CODES)] * 2
    result = swap_instances(
        noise(0),
        noise(1),
        maps=maps,
        source_mask=FULL,
        target_mask=FULL,
        blend=blend,
        smoothness=smoothness,
    )
    np.testing.assert_array_equal(result["image"], noise(1))
    assert not result["filled"].any()
    assert np.abs(result["flow_x"]).max() < 1e-6


def test_no_mask_is_the_image_as_a_whole(coded_map: CodedMap) -> None:
    images, maps = (noise(0), noise(1)), [coded_map(HEIGHT, WIDTH, CODES)] * 2
    whole, masked = (
        swap_both(*images, maps=maps, source_mask=source, target_mask=target)
        for source, target in ((None, None), (FULL, FULL))
    )
    for swapped, expected in zip(whole, masked, strict=True):
        xr.testing.assert_identical(swapped, expected)
    half = np.arange(HEIGHT)[:, None] < np.full(WIDTH, HEIGHT // 2)
    for masks in (
        {"source_mask": None, "target_mask": half},
        {"source_mask": half, "target_mask": None},
    ):
        in_full = {name: FULL if mask is None else mask for name, mask in masks.items()}
        xr.testing.assert_identical(
            swap_instances(*images, maps=maps, **masks),
            swap_instances(*images, maps=maps, **in_full),
        )
    frames = [swap_frames(*images, whole[0], target_mask=mask, frames=3) for mask in (None, FULL)]
    np.testing.assert_array_equal(*frames)


def test_a_mirrored_target_is_mirrored_back(coded_map: CodedMap) -> None:
    mirrored = noise(1)[:, ::-1]
    result = swap_instances(
        noise(0),
        mirrored,
        maps=[coded_map(HEIGHT, WIDTH, CODES), coded_map(HEIGHT, WIDTH, CODES[:, ::-1])],
        source_mask=FULL,
        target_mask=FULL,
    )
    # The flow is linear, and exact but for the rounding of its equations.
    np.testing.assert_allclose(result["image"].values.astype(int), noise(1), atol=1)


def test_a_target_of_twice_the_size_is_read_at_its_own_resolution(coded_map: CodedMap) -> None:
    """What lies between the pixels of the source is read between those of the target."""
    y, x = np.mgrid[: 2 * HEIGHT, : 2 * WIDTH]
    ramp = np.stack([x, y, x + y], axis=2).astype(np.uint8)
    result = swap_instances(
        noise(0),
        ramp,
        maps=[coded_map(HEIGHT, WIDTH, CODES), coded_map(2 * HEIGHT, 2 * WIDTH, CODES)],
        source_mask=FULL,
        target_mask=np.ones((2 * HEIGHT, 2 * WIDTH), dtype=bool),
    )
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    expected = np.stack([2 * x + 0.5, 2 * y + 0.5, 2 * x + 2 * y + 1], axis=2)
    inner = slice(4, -4)
    error = result["image"].values[inner, inner] - expected[inner, inner]
    assert np.abs(error).max() <= 0.6


def test_the_swap_of_a_warped_copy_reproduces_the_source(copy: Copy) -> None:
    result = swap_instances(
        copy.image,
        copy.warped,
        maps=copy.maps,
        source_mask=copy.mask,
        target_mask=copy.warped_mask,
        blend="none",
    )
    # 37.3 dB were measured; the true correspondence gives 44.7.
    assert psnr(result["image"].values, copy.image, copy.mask) > 36
    flow = np.stack([result["flow_x"], result["flow_y"]], axis=2)
    error = np.linalg.norm(flow - copy.truth(), axis=2)[copy.mask]
    # 0.33 and 1.33 pixels were measured; a cell of these maps is 4.7 pixels wide.
    assert error.mean() < 0.4
    assert np.quantile(error, 0.99) < 2
    outside = ~copy.mask
    np.testing.assert_array_equal(result["image"].values[outside], copy.image[outside])
    assert np.isnan(flow[outside]).all()


def test_smoothing_is_what_makes_it_exact(copy: Copy) -> None:
    qualities = [
        psnr(
            swap_instances(
                copy.image,
                copy.warped,
                maps=copy.maps,
                source_mask=copy.mask,
                target_mask=copy.warped_mask,
                blend="none",
                smoothness=smoothness,
            )["image"].values,
            copy.image,
            copy.mask,
        )
        for smoothness in (0, 2)
    ]
    assert qualities[1] > qualities[0] + 5


def test_an_instance_of_few_cells_in_the_target_is_matched_as_a_whole() -> None:
    """One cell of the target is as large as eight by eight of the source."""

    def smooth_map(rows: int, columns: int) -> xr.DataArray:
        draw = np.random.default_rng(0)
        waves = draw.normal(size=(40, 2)) * 4
        y, x = np.meshgrid(
            (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij"
        )
        phase = np.einsum("wk,kyx->wyx", waves, np.stack([y, x]))
        values = np.concatenate([np.cos(phase), np.sin(phase)]) / 40**0.5
        attrs = {"image_name": "smooth", "image_height": HEIGHT, "image_width": WIDTH}
        return xr.DataArray(
            values.astype(np.float32),
            dims=("channel", "y", "x"),
            coords={"y": y[:, 0] * HEIGHT - 0.5, "x": x[0] * WIDTH - 0.5},
            attrs={**attrs, "image_sha256": "", "descriptor": "", "basis": "smooth"},
        )

    options = {"source_mask": FULL, "target_mask": FULL}
    there, back = swap_both(
        noise(0), noise(1), maps=[smooth_map(24, 32), smooth_map(3, 4)], **options
    )
    for result in (there, back):
        assert not result["filled"].any()
        # Half of a large cell is 7.5 pixels.
        assert float(np.abs(result["flow_x"]).mean()) < 4


@pytest.mark.parametrize("place", [(0, 0), (13, 21), (39, 39)])
def test_a_match_counts_wherever_it_lies_in_a_pixel(
    coded_map: CodedMap, place: tuple[int, int]
) -> None:
    """Of a tiny image many cells lie in one pixel, most of them away from its centre."""
    codes = np.arange(40 * 40).reshape(40, 40)
    other = codes + 10_000
    other[place] = codes[place]
    maps = [coded_map(4, 4, codes), coded_map(4, 4, other)]
    full = np.ones((4, 4), dtype=bool)
    result = swap_instances(
        noise(0, 4, 4),
        noise(1, 4, 4),
        maps=maps,
        min_score=0.9,
        source_mask=full,
        target_mask=full,
        blend="none",
    )
    np.testing.assert_array_equal(result["image"], noise(1, 4, 4))


def test_wrong_matches_are_filled_from_their_neighbours(coded_map: CodedMap) -> None:
    """Cells of one map that lie elsewhere in the other find each other, there and back."""
    codes = CODES.copy()
    codes[3, 4], codes[6, 8] = codes[6, 8], codes[3, 4]
    result = swap_instances(
        noise(0),
        noise(1),
        maps=[coded_map(HEIGHT, WIDTH, CODES), coded_map(HEIGHT, WIDTH, codes)],
        source_mask=FULL,
        target_mask=FULL,
    )
    expected = np.zeros((8, 10), dtype=bool)
    expected[3, 4] = expected[6, 8] = True
    np.testing.assert_array_equal(result["filled"], np.kron(expected, np.ones((6, 6), bool)))
    np.testing.assert_array_equal(result["score"].isnull(), result["filled"])
    assert np.abs(result["flow_x"]).max() < 0.05
    np.testing.assert_allclose(result["image"].values.astype(int), noise(1), atol=15)


def test_low_scores_are_filled_too(copy: Copy) -> None:
    result = swap_instances(
        copy.image,
        copy.warped,
        maps=copy.maps,
        source_mask=copy.mask,
        target_mask=copy.warped_mask,
        min_score=0.95,
    )
    assert float(result["score"].min()) >= 0.95
    assert 0 < int(result["filled"].sum()) < int(copy.mask.sum())


def test_both_directions_are_two_single_calls(copy: Copy) -> None:
    masks = {"source_mask": copy.mask, "target_mask": copy.warped_mask}
    turned = {"source_mask": copy.warped_mask, "target_mask": copy.mask}
    there, back = swap_both(copy.image, copy.warped, maps=copy.maps, **masks)
    xr.testing.assert_identical(
        there, swap_instances(copy.image, copy.warped, maps=copy.maps, **masks)
    )
    xr.testing.assert_identical(
        back, swap_instances(copy.warped, copy.image, maps=copy.maps[::-1], **turned)
    )
    assert back["image"].shape == copy.warped.shape


def test_features_are_extracted_once_for_both(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    extract = SIFT.extract

    def counted(self: SIFT, images: Any) -> Any:
        calls.append(len(images))
        return extract(self, images)

    monkeypatch.setattr(SIFT, "extract", counted)
    there, _ = swap_both(
        copy.image,
        copy.warped,
        descriptor=SIFT(),
        source_mask=copy.mask,
        target_mask=copy.warped_mask,
    )
    assert calls == [2]
    assert there.attrs["source_name"] == "array"


@pytest.mark.parametrize("side", [0, 1, 2, 3])
def test_an_instance_at_the_edge_of_the_image_is_swapped_up_to_it(
    coded_map: CodedMap, side: int
) -> None:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[[slice(0, 20), slice(-20, None), slice(None), slice(None)][side]] = side < 2
    if side >= 2:
        mask[:, slice(0, 20) if side == 2 else slice(-20, None)] = True
    result = swap_instances(
        noise(0),
        noise(1),
        maps=[coded_map(HEIGHT, WIDTH, CODES)] * 2,
        source_mask=mask,
        target_mask=mask,
        blend="none",
    )
    expected = np.where(mask[:, :, None], noise(1), noise(0))
    np.testing.assert_array_equal(result["image"], expected)


def test_nothing_of_the_background_of_the_target_is_mixed_in(coded_map: CodedMap) -> None:
    """Half a pixel of displacement reads between two pixels, at the border between two colours."""
    target = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    target[:, :, 1] = 255
    inside = np.zeros((HEIGHT, WIDTH), dtype=bool)
    inside[12:36, 12:48] = True
    target[inside] = (200, 0, 0)
    wider = np.zeros((HEIGHT, WIDTH), dtype=bool)
    wider[9:39, 9:51] = True
    result = swap_instances(
        noise(0),
        target,
        maps=[coded_map(HEIGHT, WIDTH, CODES)] * 2,
        source_mask=wider,
        target_mask=inside,
        blend="none",
    )
    assert (result["image"].values[wider] == (200, 0, 0)).all()


def test_the_result_says_what_it_is(copy: Copy) -> None:
    result = swap_instances(
        copy.image,
        copy.warped,
        maps=copy.maps,
        matcher=SoftArgmax(window=2),
        source_mask=copy.mask,
        target_mask=copy.warped_mask,
    )
    assert result["image"].dims == ("y", "x", "rgb")
    assert result["image"].dtype == np.uint8
    assert result["flow_x"].dtype == result["score"].dtype == np.float32
    assert result["filled"].dtype == bool
    assert result["flow_x"].attrs["units"] == "pixel"
    np.testing.assert_array_equal(result["x"], np.arange(451))
    assert result.attrs["target_width"] == 460
    assert result.attrs["matcher"] == repr(SoftArgmax(window=2))
    np.testing.assert_array_equal(result["flow_x"].notnull(), copy.mask)


def test_the_dataset_survives_a_file(copy: Copy, tmp_path: Path) -> None:
    result = swap_instances(
        copy.image,
        copy.warped,
        maps=copy.maps,
        source_mask=copy.mask,
        target_mask=copy.warped_mask,
    )
    result.to_netcdf(tmp_path / "swap.nc")
    with xr.open_dataset(tmp_path / "swap.nc") as read:
        xr.testing.assert_equal(read.load(), result)


def small_mask(*place: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[place] = True
    return mask


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ((small_mask()[:0], FULL), "source mask is 60 x 0"),
        ((np.zeros_like(FULL), FULL), "the source mask of array is empty"),
        ((FULL, np.zeros_like(FULL)), "the target mask of array is empty"),
        # The corner pixel is the centre of no cell.
        ((small_mask(0, 0), FULL), "the source mask leaves no cell of coded"),
        ((FULL, small_mask(0, 0)), "the target mask leaves no cell of coded"),
    ],
)
def test_masks_that_show_nothing_are_refused(
    coded_map: CodedMap, masks: tuple[np.ndarray, np.ndarray], message: str
) -> None:
    maps = [coded_map(HEIGHT, WIDTH, CODES)] * 2
    with pytest.raises(ImageError, match=message):
        swap_instances(noise(0), noise(1), maps=maps, source_mask=masks[0], target_mask=masks[1])


def test_images_that_have_nothing_in_common_are_refused(coded_map: CodedMap) -> None:
    """No cell of one is the nearest of its nearest."""
    target = coded_map(HEIGHT, WIDTH, CODES)
    source = target.copy(data=-np.roll(target.values, 37, axis=2))
    with pytest.raises(NothingMatchedError, match=r"coded and coded .* and scores 0\.9") as caught:
        swap_instances(
            noise(0),
            noise(1),
            maps=[source, target],
            source_mask=FULL,
            target_mask=FULL,
            max_consistency=0,
            min_score=0.9,
        )
    assert str(caught.value.hint).endswith("or a lower score")


def test_one_match_is_enough(coded_map: CodedMap) -> None:
    codes = CODES.copy()
    codes[1:] += 1000
    maps = [coded_map(HEIGHT, WIDTH, codes), coded_map(HEIGHT, WIDTH, CODES)]
    mask = small_mask(2, 2)
    mask[:6, :6] = True
    result = swap_instances(
        noise(0),
        noise(1),
        maps=maps,
        matcher=MutualNearestNeighbor(),
        source_mask=mask,
        target_mask=FULL,
        blend="none",
    )
    np.testing.assert_array_equal(result["image"].values[mask], noise(1)[mask])


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"blend": "laplace"}, "blend"),
        ({"blend_width": -1}, "blend_width"),
        ({"blend": "none", "blend_width": 3}, "blend_width has nothing to do"),
        ({"smoothness": float("nan")}, "smoothness"),
        ({"max_consistency": -2}, "max_consistency"),
        ({"min_score": 1.5}, "min_score"),
        ({"cells": 0}, "cells"),
    ],
)
def test_settings_are_checked_before_anything_is_extracted(
    options: dict[str, Any], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SIFT, "extract", lambda *inputs: pytest.fail("features were extracted"))
    masks = {"source_mask": FULL, "target_mask": FULL}
    with pytest.raises(OptionError, match=word):
        swap_instances(noise(0), noise(1), descriptor=SIFT(), **masks, **options)


def test_maps_of_other_images_are_refused(coded_map: CodedMap) -> None:
    maps = [coded_map(HEIGHT, WIDTH, CODES), coded_map(HEIGHT, WIDTH + 1, CODES)]
    masks = {"source_mask": FULL, "target_mask": FULL}
    with pytest.raises(IncomparableFeaturesError, match="61 x 48"):
        swap_instances(noise(0), noise(1), maps=maps, **masks)
    with pytest.raises(OptionError, match="two feature maps"):
        swap_instances(noise(0), noise(1), maps=maps[:1], **masks)
    with pytest.raises(OptionError, match="descriptor"):
        swap_instances(noise(0), noise(1), **masks)


def test_missing_weights_are_missed_before_anything_is_extracted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from descr.applications import Refinement

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(
        "descr.applications.swap.refinement.find_weights",
        _missing,
    )
    monkeypatch.setattr(SIFT, "extract", _forbidden)
    with pytest.raises(WeightsNotFoundError) as raised:
        swap_instances(
            noise(0),
            noise(1),
            descriptor=SIFT(),
            source_mask=FULL,
            target_mask=FULL,
            refine=Refinement(),
        )
    assert "descr models pull sd-1.5" in str(raised.value.hint)


def _missing(model: str, family: str) -> Any:
    raise WeightsNotFoundError("no", hint=f"descr models pull {model}")


def _forbidden(self: SIFT, images: Any) -> Any:
    raise AssertionError("features were extracted")
