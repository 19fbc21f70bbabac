"""`descr match`: which place of one image is which place of the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from ..console.errors import UserError
from ..options import common as options
from ..options.drawings import Color, LineDrawingOptions
from ..options.images import Answer
from ..options.masks import PairMasks
from ..options.matches import MatchCommand, places_field
from ..options.method import MatchMethod
from ..options.verification import Verification, filter_field


@dataclass(frozen=True, kw_only=True)
class Match(MatchCommand):
    """Find which place of image A is which place of image B.

    Prints the best matches and a summary. Coordinates are pixels of the upright image, x to the
    right and y down, with 0,0 at the centre of the top-left pixel.

    With --pairs FILE it matches the pairs of a CSV file: see descr match --pairs --help.
    """

    EXAMPLES: ClassVar[str] = """\
descr match a.jpg b.jpg -o matches.png -o matches.csv
descr match a.jpg b.jpg --points 210,135 --points 80,60
descr match a.jpg b.jpg --max-matches 200 --min-score 0.9 --json
descr match a.jpg b.jpg --verify homography --rejected -o matches.png
descr match a.jpg.nc b.jpg.nc --matcher soft-argmax --matcher-set window=5
descr match --pairs pairs.csv -o report.html"""

    points: list[str] | None = places_field(
        "X,Y|FILE",
        "Match this point of A instead of every cell, or the points of a CSV file with "
        "the columns x,y and, if you like, name, or of a JSON file. Can be repeated.",
        "--points",
    )
    min_score: float | None = filter_field(
        "SCORE", "Drop matches whose score, a cosine from -1 to 1, is lower."
    )
    max_matches: int | None = filter_field(
        "N", "Keep the N best matches that lie spread over the image."
    )
    verification: Verification
    masks: PairMasks
    method: Annotated[MatchMethod, {"matcher": "mutual"}]
    drawing: LineDrawingOptions
    output: list[Path] | None = options.output_field(
        "Write the matches as .csv, .json or .nc, or a drawing as .png, .jpg, .webp, .svg or .pdf."
    )

    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""
        if self.min_score is not None and not -1 <= self.min_score <= 1:
            raise UserError(f"--min-score must be a cosine from -1 to 1, not {self.min_score:g}")
        if self.max_matches is not None and self.max_matches < 1:
            raise UserError(f"--max-matches must be at least 1, not {self.max_matches}")
        if self.max_matches is not None and self.points:
            raise UserError(
                "--max-matches and --points exclude each other: every point is shown",
                hint="leave out one of them",
            )
        if self.drawing.color is Color.VERIFIED and self.verification.verify is None:
            raise UserError("--color verified needs --verify", hint="as in --verify homography")
        for option in ("color", "opacity"):
            if self.points and getattr(self.drawing, option) != getattr(LineDrawingOptions, option):
                raise UserError(
                    f"--{option} is of lines, and --points are drawn without",
                    hint="leave out one of them",
                )
        super().check()

    def match(
        self, comparison: Any, source: Any, target: Any, matcher: Any, **masks: Any
    ) -> Answer:
        """The correspondence of every cell, or of the points."""
        points = [(point.x, point.y) for point in self.query]
        return self.summary(
            comparison, matcher(source, target, points=points or None, **masks), **masks
        )
