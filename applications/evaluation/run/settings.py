"""What decides the answers of a run beside data set, descriptor and matcher."""

from dataclasses import dataclass
from typing import get_args

from ....descriptors.errors import OptionError
from ....descriptors.features.sampling import Interpolation
from ....descriptors.settings import check_choice, check_int
from ....matchers import Matcher, NearestNeighbor
from ..datasets import Dataset
from ..protocols.conventions import ANSWERS, CONVENTIONS, Convention


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What decides the answers of a run beside data set, descriptor and matcher.

    Args:
        points: How points are read and answered: `half-pixel`, or as the code of a paper does,
            `original`, `geoaware` or `dift`; see `conventions.CONVENTIONS`.
        interpolation: How features are read at the points of the source: `nearest`, the cell that
            holds the point; or `bilinear`. `dift` is `bilinear`, other papers are `nearest`.
        sample: How many pairs are drawn, stratified by category; None for all.
        seed: Of the draw.
        align_pose: Whether the source is mirrored where that brings it nearer to the target
            (`align_pose`).
        accept_mirrored_parts: Whether poses are aligned also where the data set doesn't say which
            points are left and right of each other, so that one may be taken for the other.
        lossless: Whether features are kept as they are instead of rounded to 10 bits of mantissa,
            as in `save_features`.
    """

    points: Convention = "half-pixel"
    interpolation: Interpolation = "nearest"
    sample: int | None = None
    seed: int = 0
    align_pose: bool = False
    accept_mirrored_parts: bool = False
    lossless: bool = False

    def __post_init__(self) -> None:
        check_choice("points", self.points, tuple(CONVENTIONS))
        check_choice("interpolation", self.interpolation, get_args(Interpolation))
        if self.points == "dift":
            object.__setattr__(self, "interpolation", "bilinear")
        if self.points in ANSWERS and self.interpolation != "nearest":
            raise OptionError(
                f"points={self.points} reads the cell that holds the point, not between cells",
                hint="leave out the interpolation, or take points=half-pixel",
            )
        if self.sample is not None:
            check_int("sample", self.sample, minimum=1)
        check_int("seed", self.seed, minimum=0)
        if self.accept_mirrored_parts and not self.align_pose:
            raise OptionError("accept_mirrored_parts has nothing to do without align_pose")


def check_fits(dataset: Dataset, matcher: Matcher, settings: Settings) -> None:
    """Raise `OptionError` for a setting that means nothing on this data set or to this matcher."""
    if settings.points != "half-pixel" and dataset.truth != "points":
        raise OptionError(
            f"{dataset.title} has no points that points={settings.points} could say something of",
            hint="leave it out",
        )
    if settings.points == "dift" and type(matcher) is not NearestNeighbor:
        raise OptionError(
            f"points=dift looks for the best pixel, and {type(matcher).__name__} for cells",
            hint="take the matcher nearest",
        )
    if settings.align_pose and dataset.truth != "points":
        raise OptionError(
            f"{dataset.title} has no points: poses are aligned to tell left points from right ones",
            hint="go without pose alignment",
        )
    if settings.sample is not None and dataset.truth == "masks":
        raise OptionError(
            f"{dataset.title} consists of videos, of which no frame can be left out",
            hint="choose videos by category instead of a sample",
        )
