from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.applications import save_gif
from descr.descriptors.errors import OutputError


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
