"""Feature maps made by hand, of images of any size."""

from typing import Any

import numpy as np
import xarray as xr


def feature_map(
    cells: Any, *, height: int = 60, width: int = 80, name: str = "a.png", basis: str = "by hand"
) -> xr.DataArray:
    """A map whose cells (channel, y, x), scaled to unit length, tile the image."""
    values = np.asarray(cells, dtype=np.float32)
    values = values / np.linalg.norm(values, axis=0)
    rows, columns = values.shape[1:]
    return xr.DataArray(
        values,
        dims=("channel", "y", "x"),
        coords={
            "y": (np.arange(rows) + 0.5) * height / rows - 0.5,
            "x": (np.arange(columns) + 0.5) * width / columns - 0.5,
            "source": ("channel", ["hand"] * len(values)),
            "layer": ("channel", ["cells"] * len(values)),
        },
        attrs={
            "image_name": name,
            "image_height": height,
            "image_width": width,
            "image_sha256": "0" * 64,
            "descriptor": "ByHand()",
            "basis": basis,
        },
        name="features",
    )


def random_map(
    rows: int, columns: int, channels: int = 8, seed: int = 0, **of: Any
) -> xr.DataArray:
    """A map of random cells."""
    cells = np.random.default_rng(seed).normal(size=(channels, rows, columns))
    return feature_map(cells, **of)


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Random pixels, uint8 (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
