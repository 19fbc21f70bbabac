"""What the checks of matchers are made of: random maps, and what every result is held to."""

from typing import Any

import numpy as np
import torch
import xarray as xr

from ..descriptors.features.grids import Grid, unit_length
from ..descriptors.features.maps import build_map

ROUNDING = 1e-2
"""Places may differ this much, in pixels, with how a matcher was asked: float32 cosines in another
order of summation."""


def render_map(
    rows: int,
    columns: int,
    *,
    channels: int = 12,
    stride: int = 8,
    seed: int = 0,
    name: str = "picture.png",
    basis: str = "test",
) -> xr.DataArray:
    """A feature map (channel, y, x) of random unit vectors, whose cells tile an image."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(channels, rows, columns, generator=generator)
    y, x = (
        np.arange(count, dtype=np.float64) * stride + (stride - 1) / 2 for count in (rows, columns)
    )
    attrs = {
        "image_name": name,
        "image_height": rows * stride,
        "image_width": columns * stride,
        "image_sha256": "0" * 64,
        "descriptor": "random",
        "basis": basis,
    }
    labels = ["test"] * channels, ["random"] * channels
    return build_map(unit_length(features), Grid(y, x), attrs, *labels)


def pair() -> tuple[xr.DataArray, xr.DataArray]:
    """A source of 5 x 7 cells and a target of 6 x 5, 8 pixels each."""
    return render_map(5, 7, name="a.png"), render_map(6, 5, seed=1, name="b.png")


def mask_of(
    fmap: xr.DataArray, rows: slice = slice(0), columns: slice = slice(0)
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """A mask of the map's image that is true in these rows and columns of pixels."""
    mask = np.zeros((fmap.attrs["image_height"], fmap.attrs["image_width"]), dtype=np.bool_)
    mask[rows, columns] = True
    return mask


def check_values(result: xr.Dataset, target: xr.DataArray) -> None:
    """Fail unless the result has the variables, types and values that every result has."""
    kinds = {"target_x": "float64", "target_y": "float64", "score": "float32", "matched": "bool"}
    if "margin" in result:
        kinds["margin"] = "float32"
    assert set(result.data_vars) == set(kinds), (
        f"the result has the variables {[*result.data_vars]}"
    )
    for name, kind in kinds.items():
        assert result[name].dtype == kind, f"{name} has the type {result[name].dtype}, not {kind}"
    for role in ("source", "target"):
        for attribute in (f"{role}_name", f"{role}_height", f"{role}_width"):
            assert attribute in result.attrs, f"the result has no attribute {attribute!r}"
    matched = result["matched"].values
    for axis, side in (("x", "image_width"), ("y", "image_height")):
        at = result[f"target_{axis}"].values
        assert np.isnan(at[~matched]).all(), f"an unmatched place has a target_{axis}"
        inside = (at[matched] >= -0.5) & (at[matched] <= target.attrs[side] - 0.5)
        assert inside.all(), f"a target_{axis} lies outside the target image"
    score = result["score"].values
    assert not np.isnan(score[matched]).any(), "a match has no score"
    assert (np.isnan(score) | (np.abs(score) <= 1)).all(), "a score is not a cosine"


def check_same(first: xr.Dataset, second: xr.Dataset, what: str) -> None:
    """Fail unless two results are the same up to rounding; `what` they should not depend on."""
    assert np.array_equal(first["matched"].values, second["matched"].values), (
        f"which places are matched depends on {what}"
    )
    for name, tolerance in (("target_x", ROUNDING), ("target_y", ROUNDING), ("score", 1e-5)):
        same = np.allclose(
            first[name].values, second[name].values, rtol=0, atol=tolerance, equal_nan=True
        )
        assert same, f"{name} depends on {what}"
