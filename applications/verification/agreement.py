"""Whether correspondences of two images mean anything, as far as their features say."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import xarray as xr
from scipy.special import betaincinv

from ...descriptors import Descriptor
from ...descriptors.image.masks import MaskLike
from ...matchers import NearestNeighbor
from ..feature_maps import MapOrImage, feature_maps
from ..keypoints import places_of, transfer_keypoints
from ..masks import cells_in_mask

_CELLS = 1024
"""Cells of the source that are looked at: enough for shares, and a fraction of a whole match."""
_NEAR = 0.05
"""How far a match may lie from where the affine map takes it, in diagonals of its image."""
_FREE = 3  # matches that an affine map can always be made to fit
_LEAST_COHERENT = 0.19
_LEAST_COVERED = 0.01  # between what related and unrelated images have (docs/measurements.md)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two images agree: plain numbers, and whether they leave a doubt.

    Args:
        mutual: Share of the cells of the source whose nearest neighbour in the target has them for
            its own.
        round_trip: Median distance, in pixels of the source, between a cell and where the way to
            its nearest neighbour and back ends.
        coherent: Share of the mutual matches that one affine map of the source, and one of the
            target, brings within 5 % of the diagonal of the other image: the lower end of a 95 %
            interval, so that a few matches prove little.
    """

    mutual: float
    round_trip: float
    coherent: float

    @property
    def doubtful(self) -> bool:
        """Whether correspondences of these images may well mean nothing.

        They may where fewer than 19 % of the mutual matches, or matches of fewer than 1 % of the
        cells, are sure to move together: wrong ones are scattered, however high their scores.
        """
        covered = self.mutual * self.coherent
        return self.coherent < _LEAST_COHERENT or covered < _LEAST_COVERED

    def to_dict(self) -> dict[str, Any]:
        """The numbers and the verdict by name, rounded, for a JSON document."""
        numbers = {name: round(value, 4) for name, value in asdict(self).items()}
        return {**numbers, "doubtful": self.doubtful}


def measure_agreement(
    source: MapOrImage,
    target: MapOrImage,
    *,
    descriptor: Descriptor | None = None,
    source_mask: MaskLike | None = None,
    target_mask: MaskLike | None = None,
    device: str | None = None,
) -> Agreement:
    """How far two images agree, whichever matcher is to be asked for their correspondences.

    About a thousand cells, spread over the source, are matched with all of the target, and their
    partners with all of the source. A descriptor that tells places of an image apart rather than
    what is there finds agreement between any two images.
    Raises `ImageError` for a mask that can't be used; `OptionError` if images come without a
    descriptor; `IncomparableFeaturesError` or `InvalidFeaturesError` for maps that can't be
    compared.

    Args:
        source, target: Feature maps (channel, y, x) out of one `combine`; or images.
        descriptor: What describes images.
        source_mask, target_mask: Masks of the size of their image, as in `Matcher`: only cells
            inside count.
        device: Where the products are made, as in `Matcher`.
    """
    a, b = feature_maps([source, target], descriptor)
    cells = np.argwhere(cells_in_mask(source_mask, a, name="source mask"))
    cells = cells[np.linspace(0, len(cells) - 1, min(len(cells), _CELLS)).round().astype(int)]
    matches = transfer_keypoints(
        np.stack([a["x"].values[cells[:, 1]], a["y"].values[cells[:, 0]]], axis=1),
        a,
        b,
        NearestNeighbor(device=device),
        source_mask=source_mask,
        target_mask=target_mask,
        interpolation="nearest",
    )
    error = matches["round_trip_error"].values
    return Agreement(
        mutual=float((error == 0).mean()),
        round_trip=float(np.median(error)),
        coherent=_coherent(matches.isel(point=error == 0)),
    )


def _coherent(matches: xr.Dataset) -> float:
    """The share of matches that one affine map is sure to explain, in the direction of fewer.

    RANSAC (Fischler and Bolles 1981), and the interval of Clopper and Pearson (1934). A map that
    takes everything to one spot explains all that ends there, but not the way back.
    """
    count = matches.sizes["point"]
    if count <= _FREE:
        return 0.0
    explained = []
    for start, end in (("source", "target"), ("target", "source")):
        near = _NEAR * math.hypot(matches.attrs[f"{end}_height"], matches.attrs[f"{end}_width"])
        points = places_of(matches, start), places_of(matches, end)
        _, inliers = cv2.estimateAffine2D(*points, ransacReprojThreshold=near)
        explained.append(0 if inliers is None else int(inliers.sum()))
    agreeing = min(explained) - _FREE
    if agreeing <= 0:
        return 0.0
    return float(betaincinv(agreeing, count - _FREE - agreeing + 1, 0.025))
