"""What a search finds: the places, as a labelled table and as files."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

COLUMNS = ("image", "x", "y", "score", "agreement", "scale", "angle")
SIDES = ("left", "top", "right", "bottom")


class Hit(NamedTuple):
    """An image that holds what is looked for, and where.

    Args:
        key: Its name in the store.
        size: Its height and width in pixels.
        score: From 0 to 1, of an instance; a cosine, of a point.
        agreement, matrix: See `Instance`.
        corners: Those of the part's box there, (4, 2) as x, y.
    """

    key: str
    size: tuple[int, int]
    score: float
    agreement: float
    matrix: npt.NDArray[np.float64]
    corners: npt.NDArray[np.float64]


def to_dataset(hits: Sequence[Hit], attrs: Mapping[str, Any]) -> xr.Dataset:
    """Hits as a Dataset along `hit`; see `Index.search`."""
    matrices = np.array([one.matrix for one in hits]).reshape(-1, 2, 3)
    corners = np.array([one.corners for one in hits]).reshape(-1, 4, 2)
    linear = matrices[:, 0, 0] + 1j * matrices[:, 1, 0]
    x, y = corners.mean(axis=1).T
    sizes = np.array([one.size for one in hits], np.int64).reshape(-1, 2)
    columns: dict[str, Any] = {
        "x": x,
        "y": y,
        "score": np.array([one.score for one in hits], np.float64),
        "agreement": np.array([one.agreement for one in hits], np.float64),
        "scale": np.abs(linear),
        "angle": np.degrees(np.angle(linear)),
        "reflected": np.linalg.det(matrices[:, :, :2]) < 0,
        "image_height": sizes[:, 0],
        "image_width": sizes[:, 1],
    }
    return xr.Dataset(
        {
            **{name: ("hit", values) for name, values in columns.items()},
            "corner_x": (("hit", "corner"), corners[:, :, 0]),
            "corner_y": (("hit", "corner"), corners[:, :, 1]),
        },
        coords={"image": ("hit", np.array([one.key for one in hits], dtype=object))},
        attrs=dict(attrs),
    )
