"""The reference arrays: computed with the published implementations on small random models.

Two images; U-Net, DINOv2 and fused features of each. `tests/data/README.md` says what each is.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@cache
def _arrays(file: str) -> dict[str, npt.NDArray[Any]]:
    with np.load(Path(__file__).parents[1] / "data" / file) as arrays:
        return dict(arrays)


def reference(name: str) -> npt.NDArray[Any]:
    """The array of this name: one pass over the whole picture."""
    return _arrays("reference.npz")[name]


def windowed(name: str) -> npt.NDArray[Any]:
    """The array of this name: in windows, with and without the captioner."""
    return _arrays("windows.npz")[name]
