"""Matches that move as their neighbours do: what can be asked of two different objects."""

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.spatial import cKDTree

from ...descriptors.settings import check_float, check_int
from ..keypoints import places_of
from .base import Verdict, Verifier, pixels_near, target_pixels

_HELD = 1 << 19  # residuals that are held at once
_WITNESSES = 2  # neighbours that must agree at least, besides the one that says how


class Neighbours(Verifier):
    """Matches with enough neighbours that moved alike; no global model.

    The neighbours of a match are the nearest matches in the source. The match and any one of them
    say how the surroundings move: by a similarity, that is turned, scaled and shifted, or by one
    with a reflection. The others agree if they end near where it takes them. A match is kept if
    at least `share` of them, and two, agree with the best of these similarities. Every similarity
    is tried, so that nothing is drawn at random.

    That right matches are smooth where wrong ones are scattered is the idea of GMS (Bian et al.,
    CVPR 2017), which counts matches between cells of two coarse grids, and of LPM (Ma et al., IJCV
    2019), which compares the neighbours that a match has in both images. Here the surroundings may
    turn, scale and flip; wrong matches that move together, as on a repeated pattern, are kept, and
    a right match among wrong ones is not.

    Args:
        neighbours: How many, from 3 to 1000; the time grows with their square.
        share: Of the neighbours, without the one that says how, from 0 to 1.
        threshold: Pixels of the target; None for 1.5 times the distance of its cells, or 3 pixels
            for matches that don't tell it.
        scale: How many times larger or smaller the surroundings may become, counted in cells
            where the matches tell their distance, and else in pixels.
    """

    least: ClassVar[int] = 2 + _WITNESSES

    def __init__(
        self,
        *,
        neighbours: int = 16,
        share: float = 0.4,
        threshold: float | None = None,
        scale: float = 4.0,
    ) -> None:
        self.neighbours = check_int("neighbours", neighbours, minimum=1 + _WITNESSES, maximum=1000)
        self.share = check_float("share", share, minimum=0, maximum=1)
        self.threshold = (
            None
            if threshold is None
            else check_float("threshold", threshold, minimum=0, open_minimum=True)
        )
        self.scale = check_float("scale", scale, minimum=1)

    def verify(self, matches: xr.Dataset) -> Verdict:
        """See `Verifier.verify`."""
        source, target = places_of(matches, "source"), places_of(matches, "target")
        near = pixels_near(self.threshold, matches)
        count = min(self.neighbours, len(source) - 1)
        order = cKDTree(source).query(source, count + 1)[1]
        # Itself last: it need not be the first where several matches begin at one spot.
        itself = order == np.arange(len(source))[:, None]
        order = np.take_along_axis(order, itself.argsort(axis=1, kind="stable"), axis=1)[:, :count]
        start, end = target_pixels(matches) * source @ [1, 1j], target @ [1, 1j]
        agreeing = np.zeros(len(source), dtype=int)
        step = max(1, _HELD // count**2)
        for first in range(0, len(source), step):
            rows = slice(first, first + step)
            here, there = (one[order[rows]] - one[rows, None] for one in (start, end))
            for way in (here, here.conj()):
                most = _most_agreeing(way, there, near, self.scale)
                agreeing[rows] = np.maximum(agreeing[rows], most)
        # Rounded, since 0.07 * 100 is a little more than 7.
        enough = max(_WITNESSES, math.ceil(round(self.share * (count - 1), 9)))
        return Verdict(agreeing >= enough, note=f"with their neighbours within {near:.1f} pixels")


def _most_agreeing(
    here: npt.NDArray[Any], there: npt.NDArray[Any], near: float, scale: float
) -> npt.NDArray[Any]:
    """How many neighbours (match,) agree with the best similarity, besides the one that says it.

    Complex (match, neighbour): the way to each neighbour in the source, and in the target.
    """
    apart = here != 0
    turn = np.divide(there, here, out=np.zeros_like(there), where=apart)
    may_be = (np.abs(turn) >= 1 / scale) & (np.abs(turn) <= scale)
    off = np.abs(there[:, None] - turn[:, :, None] * here[:, None])
    agree = ((off <= near) & apart[:, None]).sum(axis=2) - 1
    return np.asarray(np.where(may_be, agree, 0).max(axis=1))
