"""`descr transfer`: named points of one image, found in another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from ..options import common as options
from ..options.drawings import PointDrawingOptions
from ..options.images import Answer
from ..options.masks import PairMasks
from ..options.matches import MatchCommand, places_field
from ..options.method import ImageMethod


@dataclass(frozen=True, kw_only=True)
class Transfer(MatchCommand):
    """Find named points of image A in image B.

    Prints where each point lies, its score, and its round trip: how many pixels of A off the way
    back ends, small for most points that were found. Coordinates are pixels of the upright image,
    x to the right and y down, with 0,0 at the centre of the top-left pixel.
    """

    EXAMPLES: ClassVar[str] = """\
descr transfer a.jpg b.jpg --points keypoints.csv -o found.csv -o found.png
descr transfer a.jpg b.jpg --points 210,135 --points 80,60
descr transfer a.jpg b.jpg --points keypoints.json --auto-mask --json"""
    doing: ClassVar[str] = "looking for points of {}"
    between: ClassVar[str] = " in "

    points: list[str] = places_field(
        "X,Y|FILE",
        "A point of A; or a CSV file with the columns x,y and, if you like, name; or a "
        "JSON file. Can be repeated.",
        "--points",
        default=...,
    )
    masks: PairMasks
    method: Annotated[ImageMethod, {"matcher": "soft-argmax"}]
    drawing: PointDrawingOptions
    output: list[Path] | None = options.output_field(
        "Write the points as .csv, .json or .nc, or a drawing as .png, .jpg, .webp, .svg or .pdf."
    )

    def match(
        self, comparison: Any, source: Any, target: Any, matcher: Any, **masks: Any
    ) -> Answer:
        """The correspondence of the points, with the error of the way back."""
        from ...applications import transfer_keypoints

        points = [(point.x, point.y) for point in self.query]
        matches = transfer_keypoints(
            points, source, target, names=self.names, matcher=matcher, **masks
        )
        return self.summary(comparison, matches, **masks)
