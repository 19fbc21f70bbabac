"""Frames as an animated GIF."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image

from ...descriptors.runtime.atomic import whole_file

_LOOKED_AT = 3_000_000
"""How many numbers the palette is chosen by."""
_FRAME = 50
_REST = 1000
"""Milliseconds for which a frame on the way, and the first and the last, are shown."""


def save_gif(frames: Sequence[npt.NDArray[np.uint8]], path: str | Path) -> None:
    """Write frames (y, x, rgb) as a GIF that runs again and again, resting at both ends.

    All frames share one palette of 256 colours. Raises `OutputError` if the file can't be written.
    """
    # One palette for all of them: with a palette each, what stands still would flicker.
    step = max(1, round((sum(frame.size for frame in frames) / _LOOKED_AT) ** 0.5))
    sample = np.concatenate([frame[::step, ::step].reshape(-1, 3) for frame in frames])
    palette = PIL.Image.fromarray(sample[None]).quantize(
        colors=256, method=PIL.Image.Quantize.MEDIANCUT
    )
    pictures = [
        PIL.Image.fromarray(frame).quantize(palette=palette, dither=PIL.Image.Dither.FLOYDSTEINBERG)
        for frame in frames
    ]
    durations = [_FRAME] * len(frames)
    durations[0] = durations[-1] = _REST
    with whole_file(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
            optimize=False,
            disposal=1,
        )
