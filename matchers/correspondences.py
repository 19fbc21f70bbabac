"""The result of a matcher: labelled correspondences, ready to be read, plotted and written."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ..descriptors.features.tensors import FeatureMap
from ..descriptors.features.tree import grid_coordinates
from .cells import Cells

_OF_THE_TARGET = {
    "target_x": {"units": "pixel", "long_name": "x of the match in the target image"},
    "target_y": {"units": "pixel", "long_name": "y of the match in the target image"},
    "score": {"units": "1", "long_name": "cosine similarity"},
    "matched": {"long_name": "whether the place has a match"},
    "margin": {"units": "1", "long_name": "score less the best score outside its neighbourhood"},
}
_OF_THE_POINTS = {
    "source_x": {"units": "pixel", "long_name": "x of the point in the source image"},
    "source_y": {"units": "pixel", "long_name": "y of the point in the source image"},
}


@dataclass(frozen=True, eq=False)
class Partners:
    """Where each query lies in the target image.

    Args:
        x, y: float64 (query,), pixels of the upright target image.
        score: float32 (query,), the cosine with the target there.
        matched: bool (query,), False where the matcher gives no answer; None if it always gives
            one.
        margin: float32 (query,), the best score less the best outside its neighbourhood; None
            unless it was asked for.
    """

    x: torch.Tensor
    y: torch.Tensor
    score: torch.Tensor
    matched: torch.Tensor | None = None
    margin: torch.Tensor | None = None

    @classmethod
    def none(cls) -> Self:
        """The partners of no query."""
        return cls(torch.empty(0), torch.empty(0), torch.empty(0))


def correspondences(
    source: FeatureMap,
    target: FeatureMap,
    matcher: str,
    partners: Partners,
    which: torch.Tensor,
    points: Cells | None = None,
) -> xr.Dataset:
    """The result over the grid of the source or over `points`, as `Matcher.__call__` describes it.

    `which` (query,), int64, are the places that the partners are of: in the grid of the source, row
    by row, or among the points. The others are unmatched, with a score of NaN. `matcher` is what
    found the partners, for the attributes. Raises `ValueError` if the partners are not one per
    query, or hold infinite or missing coordinates of a match.
    """
    dims: tuple[str, ...] = ("y", "x") if points is None else ("point",)
    shape = tuple(source.features.shape[1:]) if points is None else (len(points),)
    values = check_partners(partners, len(which), matcher)
    variables: dict[str, Any] = {}
    if partners.margin is not None:
        values["margin"] = partners.margin.cpu().to(torch.float32).numpy()
    for name in values:
        blank = False if name == "matched" else np.nan
        filled = np.full(int(np.prod(shape)), blank, dtype=values[name].dtype)
        filled[which.numpy()] = values[name]
        variables[name] = (dims, filled.reshape(shape), _OF_THE_TARGET[name])
    coordinates: dict[str, Any]
    if points is None:
        coordinates = grid_coordinates(source.grid.y, source.grid.x)
    else:
        coordinates = {
            name: ("point", at.numpy(), _OF_THE_POINTS[name])
            for name, at in (("source_x", points.x), ("source_y", points.y))
        }
    return xr.Dataset(variables, coords=coordinates, attrs=_attributes(source, target, matcher))


def check_partners(partners: Partners, count: int, matcher: str) -> dict[str, npt.NDArray[Any]]:
    """`target_x`, `target_y`, `score` and `matched` (query,) of what a matcher gave.

    Raises `ValueError` as `correspondences` does.
    """
    matched = partners.matched
    if matched is None:
        matched = torch.ones(count, dtype=torch.bool)
    columns = {"x": partners.x, "y": partners.y, "score": partners.score, "matched": matched}
    for name, values in columns.items():
        if tuple(values.shape) != (count,):
            raise ValueError(
                f"{matcher}: {name} has the shape {tuple(values.shape)}, expected ({count},)"
            )
    matched = matched.cpu().to(torch.bool)
    x, y = (
        torch.where(matched, at.cpu().to(torch.float64), torch.nan)
        for at in (partners.x, partners.y)
    )
    if not bool((matched == (x.isfinite() & y.isfinite())).all()):
        raise ValueError(f"{matcher}: the coordinates of a match are NaN or infinite")
    # Maps are of unit length up to 1e-4, and a cosine is at most 1.
    score = partners.score.cpu().to(torch.float32).clamp(-1.0, 1.0)
    return {
        "target_x": x.numpy(),
        "target_y": y.numpy(),
        "score": score.numpy(),
        "matched": matched.numpy(),
    }


def _attributes(source: FeatureMap, target: FeatureMap, matcher: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {"matcher": matcher, "basis": source.attrs["basis"]}
    for role, fmap in (("source", source), ("target", target)):
        attributes[f"{role}_name"] = str(fmap.attrs["image_name"])
        attributes[f"{role}_height"] = int(fmap.attrs["image_height"])
        attributes[f"{role}_width"] = int(fmap.attrs["image_width"])
        area = attributes[f"{role}_height"] * attributes[f"{role}_width"]
        attributes[f"{role}_spacing"] = math.sqrt(area / math.prod(fmap.features.shape[1:]))
    return attributes
