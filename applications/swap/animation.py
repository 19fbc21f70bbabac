"""The swap in motion: pixels on their way from the target's instance to the source's, as a GIF."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import xarray as xr

from ...descriptors import Image, read_image
from ...descriptors.errors import ImageError, OptionError
from ...descriptors.image.masks import MaskLike, read_mask
from ...descriptors.image.reading import ImageLike
from ...descriptors.runtime.atomic import whole_file
from ...descriptors.settings import check_int
from ..pictures import resize_photograph
from .membrane import membrane
from .motion import Fit, Points

MAX_PIXELS = 25_000_000  # largest animation, in pixels of all frames together: some 15 MB as a GIF
FRAMES = 30
COLUMNS = 480
"""Size of an animation, unless it is given."""
_PER_PIXEL, _PER_SAMPLE = 105, 500
"""Bytes that a pixel of the source and one of a frame take while the samples are made."""
_CLEARED = 0.2  # share of the way over which the instances fade out of their backgrounds
_LOOKED_AT = 3_000_000  # how many numbers the palette is chosen by
_FRAME = 50
_REST = 1000  # milliseconds for which a frame on the way, and the first and the last, are shown

Picture = npt.NDArray[np.uint8]


def swap_frames(
    source: ImageLike,
    target: ImageLike,
    swapped: xr.Dataset,
    *,
    target_mask: MaskLike | None,
    frames: int = FRAMES,
    width: int = COLUMNS,
) -> list[Picture]:
    """Pictures of the pixels on their way from the target to the source, uint8 (y, x, rgb) each.

    The first is the target, fitted into the frame of the source; the last is the swapped image.
    In between every pixel of the instance moves on a straight line, slowly at both ends, while
    the background of one image turns into that of the other. The better match lies on top.
    Raises `OptionError` if a setting is out of range, or the animation is larger than 25 megapixels
    in all; `ImageError` if the images are not those of the swap.

    Args:
        source, target: The images that were swapped.
        swapped: What `swap_instances` gave for them.
        target_mask: The mask of the target's instance; None for the image as a whole.
        frames: How many pictures, at least 2.
        width: Of the pictures in pixels; they come out no larger than the source.
    """
    picture, score, *flow = (
        swapped[name].values for name in ("image", "score", "flow_x", "flow_y")
    )
    check_animation(picture.shape[:2], frames=frames, width=width)
    one, other = _read(source, swapped, "source"), _read(target, swapped, "target")
    mask = read_mask(target_mask, height=other.height, width=other.width, name="target mask")
    columns, rows = size = _size(width, (one.height, one.width))
    fit = Fit.of((other.width, other.height), size)
    first, last = fit.over_itself(other.pixels), resize_photograph(picture, rows, columns)
    instance = resize_photograph(np.isfinite(flow[0]).astype(np.uint8) * 255, rows, columns)
    empty_first = _erase(first, fit.apply(mask.astype(np.uint8) * 255) > 127)
    empty_last = _erase(resize_photograph(one.pixels, rows, columns), instance > 127)
    points = Points.of(flow, score, other.pixels, picture, fit)

    def frame(done: float) -> Picture:
        """The picture when this share of the way is done."""
        before = _mix(first, empty_first, min(1.0, done / _CLEARED))
        after = _mix(last, empty_last, min(1.0, (1 - done) / _CLEARED))
        return points.draw_over(_mix(before, after, done), done)

    return [first, *(frame(ease(step / (frames - 1))) for step in range(1, frames - 1)), last]


def check_animation(source: tuple[int, int], *, frames: int = FRAMES, width: int = COLUMNS) -> None:
    """Raise `OptionError` for an animation that can't be made, or would be too large.

    `source` is (height, width) of the source in pixels; the others are those of `swap_frames`.
    """
    check_int("frames", frames, minimum=2)
    check_int("width", width, minimum=16)
    wide, high = _size(width, source)
    if frames * high * wide > MAX_PIXELS:
        fewer = MAX_PIXELS // (high * wide)
        narrower = int((MAX_PIXELS / frames * wide / high) ** 0.5)
        raise OptionError(
            f"an animation of {frames} frames of {wide} x {high} pixels is too large: "
            f"{frames * high * wide / 1e6:.0f} megapixels of at most {MAX_PIXELS / 1e6:.0f}",
            hint=f"lower the width to {narrower}"
            + (f", or the frames to {fewer}" if fewer > 1 else ""),
        )


def animation_memory(source: tuple[int, int], *, frames: int = FRAMES, width: int = COLUMNS) -> int:
    """About how many bytes `swap_frames` takes for a source of this size (height, width)."""
    pixels = math.prod(_size(width, source))
    return _PER_PIXEL * math.prod(source) + (_PER_SAMPLE + 3 * frames) * pixels


def ease(share: float) -> float:
    """How much of the way is done at this share of the time: slow, fast, slow (smoothstep)."""
    return share * share * (3 - 2 * share)


def _read(source: ImageLike, swapped: xr.Dataset, role: str) -> Image:
    image = read_image(source)
    height, width = swapped.attrs[f"{role}_height"], swapped.attrs[f"{role}_width"]
    if (height, width) != (image.height, image.width):
        raise ImageError(
            f"{image.name} is {image.width} x {image.height} pixels, but the {role} of the swap "
            f"is {width} x {height}",
            hint="give the images that were swapped, in that order",
        )
    return image


def _size(width: int, source: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of a picture."""
    columns = min(width, source[1])
    return columns, max(1, round(source[0] * columns / source[1]))


def _mix(before: Picture, after: Picture, share: float) -> Picture:
    return np.asarray(cv2.addWeighted(before, 1 - share, after, share, 0))


def _erase(picture: Picture, covered: npt.NDArray[np.bool_]) -> Picture:
    """The picture without what is covered: its surroundings run together there."""
    wide = cv2.dilate(covered.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if wide.all():
        return picture
    filled = np.rint(membrane(picture.astype(np.float64), wide))
    return np.asarray(np.clip(filled, 0, 255), dtype=np.uint8)


def save_gif(frames: Sequence[Picture], path: str | Path) -> None:
    """Write frames (y, x, rgb) as a GIF that runs again and again, resting at both ends.

    All frames share one palette of 256 colours. Raises `OutputError` if the file can't be written.
    """
    # One palette for all of them: with a palette each, what stands still would flicker.
    step = max(1, round((sum(frame.size for frame in frames) / _LOOKED_AT) ** 0.5))
    sample = np.concatenate([frame[::step, ::step].reshape(-1, 3) for frame in frames])
    colors = PIL.Image.fromarray(sample[None])
    palette = colors.quantize(colors=256, method=PIL.Image.Quantize.MEDIANCUT)
    dither = PIL.Image.Dither.FLOYDSTEINBERG
    pictures = [
        PIL.Image.fromarray(frame).quantize(palette=palette, dither=dither) for frame in frames
    ]
    durations = [_FRAME] * len(frames)
    durations[0] = durations[-1] = _REST
    options: dict[str, Any] = {"duration": durations, "loop": 0, "optimize": False, "disposal": 1}
    with whole_file(path) as temporary:
        pictures[0].save(
            temporary, format="GIF", save_all=True, append_images=pictures[1:], **options
        )
