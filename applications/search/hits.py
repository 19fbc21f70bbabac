"""What a search finds: the places, as a labelled table and as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..exchange.matches import table_rows, write_table

COLUMNS = ("image", "x", "y", "score", "agreement", "scale", "angle", "reflected")
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


def hit_rows(hits: xr.Dataset) -> list[dict[str, Any]]:
    """Hits as rows, best first: dicts from the names of columns to values.

    Those are `image`, `x`, `y`, `score`, `agreement`, `scale`, `angle`, `reflected`; `left`, `top`,
    `right` and `bottom`, the upright box around the corners; `corners`, four pairs x, y; `width`
    and `height` of the image. Lengths are pixels, and angles degrees, with 3 digits after the
    point; scores, agreements and scales have 5.

    Args:
        hits: What `Index.search` gives.
    """
    corners = np.stack([hits["corner_x"].values, hits["corner_y"].values], axis=-1)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    columns = {name: hits[name].values.tolist() for name in COLUMNS}
    columns |= dict(zip(SIDES, boxes.T.tolist(), strict=True))
    rows = table_rows(columns)
    sizes = zip(hits["image_width"].values, hits["image_height"].values, strict=True)
    for row, corner, (width, height) in zip(rows, corners.round(3).tolist(), sizes, strict=True):
        row |= {"corners": corner, "width": int(width), "height": int(height)}
    return rows


def write_hits(
    hits: xr.Dataset, path: str | Path, *, about: Mapping[str, Any] | None = None
) -> None:
    """Write hits to a file, whole or not at all; its suffix says in which form.

    Args:
        hits: What `Index.search` gives.
        path: `.csv` has a line per hit, without `corners`, `width` and `height`; `.json` is an
            object with the rows of `hit_rows` under `hits`, and what the attributes of the hits
            say; `.nc` is the Dataset itself.
        about: What the object of JSON says instead of the attributes.

    Raises:
        OptionError: The suffix is another.
        OutputError: The file can't be written.
    """
    rows = hit_rows(hits)
    document = {**(hits.attrs if about is None else about), "hits": rows}
    write_table(path, hits, rows, (*COLUMNS, *SIDES), document)
