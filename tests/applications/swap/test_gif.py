from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.applications import save_gif
from descr.descriptors.errors import OutputError
from scipy.ndimage import uniform_filter


def ramps(count: int) -> list[np.ndarray]:
    y, x = np.mgrid[:30, :40]
    return [
        np.stack([x * 6, y * 8, np.full_like(x, 20 * k)], axis=2).astype(np.uint8)
        for k in range(count)
    ]


def test_the_file_has_every_frame_in_its_size(tmp_path: Path) -> None:
    save_gif(ramps(6), tmp_path / "a.gif")
    with PIL.Image.open(tmp_path / "a.gif") as gif:
        assert gif.format == "GIF"
        assert gif.n_frames == 6
        assert gif.size == (40, 30)
        assert gif.info["loop"] == 0
        durations = []
        for index in range(6):
            gif.seek(index)
            durations.append(gif.info["duration"])
            error = np.asarray(gif.convert("RGB")).astype(float) - ramps(6)[index]
            # 256 colours for six pictures: right in the mean over neighbours, by dithering.
            assert np.abs(uniform_filter(error, (9, 9, 0))[5:-5, 5:-5]).mean() < 4
    assert durations == [1000, 50, 50, 50, 50, 1000]


def test_frames_that_are_alike_stay_frames(tmp_path: Path) -> None:
    """Pillow joins frames that are equal; their time is kept."""
    save_gif([ramps(1)[0]] * 3, tmp_path / "a.gif")
    with PIL.Image.open(tmp_path / "a.gif") as gif:
        total = 0
        for index in range(gif.n_frames):
            gif.seek(index)
            total += gif.info["duration"]
    assert total == 2050


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        save_gif(ramps(2), tmp_path / "no" / "a.gif")
