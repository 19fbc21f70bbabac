"""The interface of every verifier: matches in, which of them agree and in what out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.errors import OptionError
from ...descriptors.settings import Configurable
from ...matchers.matches import list_places
from ..keypoints import places_of

_PIXELS = 3.0  # where nothing tells how exact matches are
_CELLS = 1.5  # a match is exact to half a cell, and its features to some more


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a verifier says of some matches.

    Args:
        inlier: bool (match,), in the order of the matches.
        model: float64 (3, 3), in homogeneous pixels of the upright images; None for none.
        note: What follows "812 of 1,204 matches agree", as in "within 8.0 pixels".
    """

    inlier: npt.NDArray[np.bool_]
    model: npt.NDArray[np.float64] | None = None
    note: str = ""

    @classmethod
    def none(cls, count: int, why: str) -> "Verdict":
        """The verdict that no match of so many agrees."""
        return cls(np.zeros(count, dtype=np.bool_), note=f"({why})")


class Verifier(Configurable, ABC):
    """Matches in, and the same matches with `inlier` out.

    A subclass writes `verify`. Checks, forms and labels are inherited:

        class Still(Verifier):
            def __init__(self, *, most=20.0):
                self.most = most

            def verify(self, matches):
                x, y = (matches[f"target_{axis}"] - matches[f"source_{axis}"] for axis in "xy")
                return Verdict(np.hypot(x, y).values <= self.most)

    Attributes:
        least: How many matches it takes: of fewer none agrees, and `verify` is not called.
    """

    least: ClassVar[int] = 1

    @abstractmethod
    def verify(self, matches: xr.Dataset) -> Verdict:
        """Which matches agree.

        Args:
            matches: At least `least` along `match`: finite `source_x`, `source_y`, `target_x` and
                `target_y`, and what else was given, with its attributes.
        """

    def __call__(self, matches: xr.Dataset) -> xr.Dataset:
        """The matches with which of them agree; nothing is dropped.

        Args:
            matches: A list along `match`, as `to_matches` gives it; or correspondences over (y, x)
                or (point), as a matcher gives them. Pixels of the upright images.

        Returns:
            xarray.Dataset: With `inlier` (bool) in the dimensions of the matches, False for places
                without a match; `model` (row, column), float64 3 x 3, if there is one; and as
                attributes `verifier`, how it would be written, and `verification`, a sentence that
                says how many agree, or why none does.

        Raises:
            OptionError: The matches lack a coordinate, or one of a match is not finite.
            ValueError: `verify` of a subclass gives something else than `Verdict` describes.
        """
        listed = matches if "match" in matches.dims else list_places(matches)
        sides = ("source", "target")
        missing = [
            f"{one}_{axis}" for one in sides for axis in "xy" if f"{one}_{axis}" not in listed
        ]
        if missing:
            raise OptionError(
                f"the matches lack {', '.join(missing)}", hint="give what a matcher gives"
            )
        matched = np.ones(listed.sizes["match"], dtype=np.bool_)
        if "matched" in listed:
            matched = listed["matched"].values.astype(np.bool_)
        chosen = listed.isel(match=np.flatnonzero(matched))
        if not all(np.isfinite(places_of(chosen, side)).all() for side in sides):
            raise OptionError("the coordinates of a match are NaN or infinite")
        count = chosen.sizes["match"]
        if count >= self.least:
            verdict = self.verify(chosen)
        else:
            verdict = Verdict.none(count, f"it takes at least {self.least}")
        inlier = matched.copy()
        inlier[matched] = _check(verdict, count, self)
        # Along (y, x), (point) or (match).
        like = matches["target_x"]
        result: dict[str, Any] = {
            "inlier": (like.dims, inlier.reshape(like.shape), _ABOUT["inlier"])
        }
        if verdict.model is not None:
            result["model"] = (("row", "column"), verdict.model, _ABOUT["model"])
        sentence = f"{inlier.sum():,} of {count:,} matches agree {verdict.note}".rstrip()
        attributes = {"verifier": repr(self), "verification": sentence}
        return matches.drop_vars("model", errors="ignore").assign(result).assign_attrs(attributes)


def _check(verdict: Verdict, count: int, verifier: Verifier) -> npt.NDArray[np.bool_]:
    """The inliers of a verdict on so many matches."""
    name = type(verifier).__name__
    if not isinstance(verdict, Verdict):
        raise ValueError(f"{name}: verify gives {type(verdict).__name__}, expected Verdict")
    inlier, model = np.asarray(verdict.inlier), verdict.model
    if inlier.shape != (count,) or inlier.dtype != np.bool_:
        raise ValueError(
            f"{name}: inlier is {inlier.dtype} {inlier.shape}, expected bool ({count},)"
        )
    if model is not None and np.shape(model) != (3, 3):
        raise ValueError(f"{name}: model has the shape {np.shape(model)}, expected (3, 3)")
    return inlier


_ABOUT = {
    "inlier": {"long_name": "whether the match agrees with the others"},
    "model": {"long_name": "from (x, y, 1) of the source to the target, in pixels"},
}


def pixels_near(threshold: float | None, matches: xr.Dataset) -> float:
    """How many pixels of the target are near: the threshold, or by default what cells allow.

    That is 1.5 times the distance of the cells of the target, where a matcher noted it
    (`target_spacing`), and else 3 pixels.
    """
    if threshold is not None:
        return threshold
    spacing = matches.attrs.get("target_spacing")
    return _PIXELS if spacing is None else _CELLS * float(spacing)


def target_pixels(matches: xr.Dataset) -> float:
    """How many pixels of the target a pixel of the source is worth; 1 where nothing tells.

    Cells of both are: of one scene, a photograph of half the size has cells of half the distance.
    """
    target, source = (matches.attrs.get(f"{side}_spacing") for side in ("target", "source"))
    return 1.0 if target is None or source is None else float(target) / float(source)
