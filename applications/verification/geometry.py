"""Matches that agree with one camera geometry or one plane map of the whole image."""

from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.settings import check_float, check_int
from ..keypoints import places_of
from .base import Verdict, Verifier, pixels_near, target_pixels

Numbers: TypeAlias = npt.NDArray[np.float64]

_FLAT = 1e-6  # width to length of points that lie on a line: OpenCV works in float32


class Geometry(Verifier):
    """Matches that one model explains, found by MAGSAC++ (Barath et al., CVPR 2020), seeded.

    OpenCV's implementation (USAC) draws minimal samples and marginalises over the noise up to the
    threshold. A match is an inlier if its error under the model is at most the threshold. The same
    matches in the same order have the same answer. There is no model, and no inlier, of too few
    matches, and where those that agree lie on a line or at one spot in one of the images.

    Args:
        threshold: Pixels of the target; None for 1.5 times the distance of its cells, or 3 pixels
            for matches that don't tell it.
        confidence: How surely a better model is not missed, below 1, when the search ends early.
        iterations: How many samples are drawn at most.
        seed: Of the samples.
    """

    name: ClassVar[str]

    def __init__(
        self,
        *,
        threshold: float | None = None,
        confidence: float = 0.999,
        iterations: int = 10_000,
        seed: int = 0,
    ) -> None:
        self.threshold = (
            None
            if threshold is None
            else check_float("threshold", threshold, minimum=0, open_minimum=True)
        )
        self.confidence = check_float("confidence", confidence, minimum=0, maximum=0.999999)
        self.iterations = check_int("iterations", iterations, minimum=1, maximum=2**31 - 1)
        self.seed = check_int("seed", seed, minimum=0, maximum=2**31 - 1)

    @abstractmethod
    def fit(self, source: Numbers, target: Numbers, parameters: Any) -> Numbers | None:
        """The model (3, 3) that OpenCV finds for points (n, 2); None if it finds none."""

    def errors(self, model: Numbers, source: Numbers, target: Numbers) -> Numbers:
        """How far each match (n,) is from the model, in pixels of the target."""
        *places, depth = model @ np.column_stack([source, np.ones(len(source))]).T
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.hypot(*(np.stack(places) / depth - target.T))
        # What a plane has behind the camera is not in the picture.
        behind = np.sign(depth) != np.sign(np.median(depth))
        return np.where(behind | np.isnan(error), np.inf, error)

    def verify(self, matches: xr.Dataset) -> Verdict:
        """See `Verifier.verify`."""
        source, target = places_of(matches, "source"), places_of(matches, "target")
        near = pixels_near(self.threshold, matches)
        if _on_a_line(source) or _on_a_line(target):
            return Verdict.none(len(source), "they lie on a line or at one spot")
        model = self.fit(source, target, self._parameters(near))
        if model is not None and np.isfinite(model).all():
            inlier = self.errors(model, source, target) <= near
            enough = int(inlier.sum()) >= self.least
            if enough and not (_on_a_line(source[inlier]) or _on_a_line(target[inlier])):
                return Verdict(inlier, model, f"within {near:.1f} pixels")
        return Verdict.none(len(source), f"no {self.name} was found")

    def _parameters(self, near: float) -> Any:
        parameters = cv2.UsacParams()
        parameters.score = cv2.SCORE_METHOD_MAGSAC
        parameters.loMethod = cv2.LOCAL_OPTIM_SIGMA
        parameters.threshold = near
        parameters.confidence = self.confidence
        parameters.maxIterations = self.iterations
        parameters.randomGeneratorState = self.seed
        return parameters


class Homography(Geometry):
    """A plane, or a camera that turned about itself: the projective map of source to target.

    `model` takes (x, y, 1) of the source to a multiple of (x, y, 1) of the target, and ends in 1.
    The error is the distance in the target. Takes 4 matches.

    Args:
        threshold, confidence, iterations, seed: As in `Geometry`.
    """

    name: ClassVar[str] = "homography"
    least: ClassVar[int] = 4

    def fit(self, source: Numbers, target: Numbers, parameters: Any) -> Numbers | None:
        """See `Geometry.fit`."""
        model = cv2.findHomography(source, target, parameters)[0]
        return None if model is None else np.asarray(model, dtype=np.float64)


class Affine(Geometry):
    """A flat thing seen from afar, scaled, turned and sheared: the affine map of source to target.

    `model` takes (x, y, 1) of the source to (x, y, 1) of the target. The error is the distance in
    the target. Takes 3 matches.

    Args:
        threshold, confidence, iterations, seed: As in `Geometry`.
    """

    name: ClassVar[str] = "affine map"
    least: ClassVar[int] = 3

    def fit(self, source: Numbers, target: Numbers, parameters: Any) -> Numbers | None:
        """See `Geometry.fit`."""
        model = cv2.estimateAffine2D(source, target, parameters)[0]
        return None if model is None else np.vstack([model, [0.0, 0.0, 1.0]])


class Fundamental(Geometry):
    """A rigid scene of any depth in two views: the epipolar geometry of source and target.

    `model` F has (x', y', 1) F (x, y, 1) = 0 for (x, y) of the source and (x', y') of the target,
    and length 1. The error is Sampson's (Hartley and Zisserman 2004, equation 11.9). It is small
    for every match along an epipolar line, and so some wrong matches stay. It counts in both
    images: the source's pixels are brought to the size of the target's, as far as cells tell it.
    Takes 7 matches. Of a plane many models explain the matches; one of them is given.

    Args:
        threshold, confidence, iterations, seed: As in `Geometry`.
    """

    name: ClassVar[str] = "fundamental matrix"
    least: ClassVar[int] = 7

    def verify(self, matches: xr.Dataset) -> Verdict:
        """See `Verifier.verify`."""
        size = target_pixels(matches)
        scaled = {f"source_{axis}": size * matches[f"source_{axis}"] for axis in "xy"}
        verdict = super().verify(matches.assign(scaled))
        if verdict.model is None:
            return verdict
        model = verdict.model * [size, size, 1]
        return replace(verdict, model=model / np.linalg.norm(model))

    def fit(self, source: Numbers, target: Numbers, parameters: Any) -> Numbers | None:
        """See `Geometry.fit`."""
        model = cv2.findFundamentalMat(source, target, parameters)[0]
        return None if model is None else np.asarray(model, dtype=np.float64)

    def errors(self, model: Numbers, source: Numbers, target: Numbers) -> Numbers:
        """See `Geometry.errors`."""
        first, second = (np.column_stack([one, np.ones(len(one))]) for one in (source, target))
        lines, back = first @ model.T, second @ model
        slope = np.hypot(np.hypot(*lines.T[:2]), np.hypot(*back.T[:2]))
        off = np.abs((second * lines).sum(axis=1))
        return np.asarray(np.divide(off, slope, out=np.full(len(off), np.inf), where=slope > 0))


def _on_a_line(points: Numbers) -> bool:
    """Whether all points (n, 2) lie on one line, or at one spot."""
    length, width = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(width <= _FLAT * max(length, 1.0))
