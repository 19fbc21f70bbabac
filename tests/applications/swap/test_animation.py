from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import save_gif, swap_frames, swap_instances
from descr.applications.swap.animation import MAX_PIXELS, check_animation, ease
from descr.descriptors.errors import ImageError, OptionError, OutputError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.copies import CodedMap

HEIGHT, WIDTH = 48, 60
CODES = np.arange(8 * 10).reshape(8, 10)
RED = (220, 20, 20)


def square(left: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[12:30, left : left + 18] = True
    return mask


def picture(mask: np.ndarray, color: tuple[int, ...]) -> np.ndarray:
    return np.where(mask[:, :, None], color, (90, 90, 90)).astype(np.uint8)


@pytest.fixture
def moved(coded_map: CodedMap) -> dict[str, Any]:
    """A red square on the right in the target, a blue one on the left in the source."""
    shifted = CODES.copy()
    shifted[:, 4:] = CODES[:, :6]
    shifted[:, :4] += 500
    source, target = square(6), square(30)
    images = picture(source, (20, 20, 220)), picture(target, RED)
    swapped = swap_instances(
        *images,
        maps=[coded_map(HEIGHT, WIDTH, CODES), coded_map(HEIGHT, WIDTH, shifted)],
        source_mask=source,
        target_mask=target,
        blend="none",
    )
    np.testing.assert_allclose(swapped["flow_x"].values[source], 24, atol=1e-5)
    return {"source": images[0], "target": images[1], "swapped": swapped, "target_mask": target}


def centre_of_red(frame: np.ndarray) -> tuple[float, float]:
    red = np.abs(frame.astype(int) - RED).max(axis=2) < 30
    y, x = red.nonzero()
    return float(x.mean()), float(y.mean())


def test_the_first_frame_is_the_target_and_the_last_the_swap(moved: dict[str, Any]) -> None:
    frames = swap_frames(**moved, frames=7)
    assert len(frames) == 7
    assert {frame.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    assert {frame.dtype for frame in frames} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(frames[0], moved["target"])
    np.testing.assert_array_equal(frames[-1], moved["swapped"]["image"])


def test_the_pixels_move_on_a_line_slowly_at_both_ends(moved: dict[str, Any]) -> None:
    frames = swap_frames(**moved, frames=9)
    centres = np.array([centre_of_red(frame) for frame in frames])
    expected = 38.5 - 24 * np.array([ease(step / 8) for step in range(9)])
    np.testing.assert_allclose(centres[:, 0], expected, atol=0.6)
    np.testing.assert_allclose(centres[:, 1], 20.5, atol=0.3)


def test_the_moving_instance_has_no_holes(moved: dict[str, Any]) -> None:
    for frame in swap_frames(**moved, frames=8):
        x, y = (round(value) for value in centre_of_red(frame))
        inner = frame[y - 7 : y + 8, x - 7 : x + 8].astype(int)
        assert np.abs(inner - RED).max() <= 1


def test_a_stretched_instance_has_no_holes(coded_map: CodedMap) -> None:
    """Three times as large in the target as in the source: each pixel becomes nine."""
    small = np.zeros((HEIGHT, WIDTH), dtype=bool)
    small[16:32, 20:40] = True
    codes = np.arange(16 * 20).reshape(16, 20)
    zoomed = np.kron(codes[5:11, 6:14], np.ones((3, 3), int))[:16, :20]
    source, target = picture(small, (0, 0, 200)), np.full((HEIGHT, WIDTH, 3), RED, np.uint8)
    swapped = swap_instances(
        source,
        target,
        maps=[coded_map(HEIGHT, WIDTH, codes), coded_map(HEIGHT, WIDTH, zoomed)],
        source_mask=small,
        target_mask=np.ones_like(small),
        max_consistency=20,
    )
    assert float(np.abs(swapped["flow_x"].differentiate("x")).median()) > 1.2
    frames = swap_frames(source, target, swapped, target_mask=np.ones_like(small), frames=6)
    for frame in frames[:3]:
        assert np.abs(frame[20:28, 24:36].astype(int) - RED).max() <= 1


def test_a_target_of_another_shape_is_fitted_and_centred(moved: dict[str, Any]) -> None:
    wide = np.repeat(moved["target"], 2, axis=1)
    swapped = moved["swapped"].assign_attrs(target_width=2 * WIDTH)
    mask = np.repeat(moved["target_mask"], 2, axis=1)
    first = swap_frames(moved["source"], wide, swapped, target_mask=mask, frames=2)[0]
    assert first.shape == (HEIGHT, WIDTH, 3)
    # 120 x 48 fitted into 60 x 48 leaves 12 rows above and below.
    x, y = centre_of_red(first)
    assert (x, y) == pytest.approx((38.5, 12 + 10.25), abs=0.6)


@pytest.mark.parametrize(("asked", "width"), [(30, 30), (60, 60), (1000, 60)])
def test_frames_are_as_wide_as_asked_for_and_no_wider_than_the_source(
    moved: dict[str, Any], asked: int, width: int
) -> None:
    frames = swap_frames(**moved, frames=2, width=asked)
    assert frames[0].shape == frames[1].shape == (round(48 * width / 60), width, 3)


def test_whole_images_can_be_animated(coded_map: CodedMap) -> None:
    full = np.ones((HEIGHT, WIDTH), dtype=bool)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    images = np.stack([x, y, x + y], axis=2).astype(np.uint8), picture(square(20), RED) // 2
    images = images[1], images[0]
    swapped = swap_instances(
        *images, maps=[coded_map(HEIGHT, WIDTH, CODES)] * 2, source_mask=full, target_mask=full
    )
    for frame in swap_frames(*images, swapped, target_mask=full, frames=4):
        np.testing.assert_allclose(frame.astype(int), images[1], atol=1)


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 1), other=st.floats(0, 1))
def test_the_ease_is_monotone_and_symmetric(share: float, other: float) -> None:
    assert ease(0) == 0
    assert ease(1) == 1
    assert ease(1 - share) == pytest.approx(1 - ease(share))
    if share <= other:
        assert ease(share) <= ease(other)


def test_an_animation_that_is_too_large_says_what_to_lower() -> None:
    check_animation((3000, 4000))
    with pytest.raises(OptionError, match="99 frames of 4000 x 3000") as raised:
        check_animation((3000, 4000), frames=99, width=4000)
    hint = str(raised.value.hint)
    width, frames = (int(word.rstrip(",")) for word in hint.split() if word.rstrip(",").isdigit())
    check_animation((3000, 4000), frames=99, width=width)
    check_animation((3000, 4000), frames=frames, width=4000)
    assert frames == MAX_PIXELS // (3000 * 4000)


@pytest.mark.parametrize(("option", "value"), [("frames", 1), ("frames", 2.5), ("width", 4)])
def test_settings_are_checked(moved: dict[str, Any], option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=option):
        swap_frames(**moved, **{option: value})


@pytest.mark.parametrize("role", ["source", "target"])
def test_other_images_than_those_of_the_swap_are_refused(moved: dict[str, Any], role: str) -> None:
    moved[role] = moved[role][:40]
    with pytest.raises(ImageError, match=f"the {role} of the swap is 60 x 48"):
        swap_frames(**moved)


def test_better_matches_lie_over_others(coded_map: CodedMap) -> None:
    """Two pixels of the source that come from one place of the target start over each other."""
    _, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    left = x < 30
    swapped = xr.Dataset(
        {
            "image": (
                ("y", "x", "rgb"),
                np.where(left[:, :, None], (255, 0, 0), (0, 0, 255)).astype(np.uint8),
            ),
            # Both halves come from the middle.
            "flow_x": (("y", "x"), np.where(left, 15, -15).astype(np.float32)),
            "flow_y": (("y", "x"), np.zeros((HEIGHT, WIDTH), np.float32)),
            "score": (("y", "x"), np.where(left, 0.9, 0.5).astype(np.float32)),
        },
        attrs={
            "source_height": HEIGHT,
            "source_width": WIDTH,
            "target_height": HEIGHT,
            "target_width": WIDTH,
        },
    )
    black = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    full = np.ones((HEIGHT, WIDTH), dtype=bool)
    # Early on the way both are still in the middle, and have a little of their final colours.
    early = swap_frames(black, black, swapped, target_mask=full, frames=12)[1].astype(int)
    assert (early[4:-4, 18:42, 0] > 0).all()
    assert (early[4:-4, 18:42, 2] == 0).all()


def tiles(count: int) -> list[np.ndarray]:
    """Frames of 30 colours each, no two of them with a colour in common."""
    draw = np.random.default_rng(0)
    colors = draw.choice(6**3, (count, 5, 6), replace=False)
    levels = np.stack(np.unravel_index(colors, (6, 6, 6)), axis=3) * 51
    return list(levels.repeat(6, axis=1).repeat(7, axis=2).astype(np.uint8))


def test_the_file_has_every_frame_in_its_size_and_colours(tmp_path: Path) -> None:
    frames = tiles(6)
    save_gif(frames, tmp_path / "a.gif")
    with PIL.Image.open(tmp_path / "a.gif") as gif:
        assert gif.format == "GIF"
        assert gif.n_frames == 6
        assert gif.size == (42, 30)
        assert gif.info["loop"] == 0
        durations = []
        for index, frame in enumerate(frames):
            gif.seek(index)
            durations.append(gif.info["duration"])
            np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), frame)
    assert durations == [1000, 50, 50, 50, 50, 1000]


def test_frames_that_are_alike_stay_frames(tmp_path: Path) -> None:
    """Pillow joins frames that are equal; their time is kept."""
    save_gif([tiles(1)[0]] * 3, tmp_path / "a.gif")
    with PIL.Image.open(tmp_path / "a.gif") as gif:
        total = 0
        for index in range(gif.n_frames):
            gif.seek(index)
            total += gif.info["duration"]
    assert total == 2050


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        save_gif(tiles(2), tmp_path / "no" / "a.gif")
