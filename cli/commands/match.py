"""`descr match`: which place of one image is which place of the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console.errors import UserError
from ..options import common as options
from ..options.comparison import How
from ..options.groups import Masks, grouped, how_parser
from ..options.outputs import write_all
from ..options.points import parse_points
from .pairs import compare
from .results import MatchRequest, MatchResult

if TYPE_CHECKING:
    import xarray as xr

    from ...matchers import Matcher as AnyMatcher

EXAMPLES = """\
descr match a.jpg b.jpg -o matches.png -o matches.csv
descr match a.jpg b.jpg --points 210,135 --points 80,60
descr match a.jpg b.jpg --max-matches 200 --min-score 0.9 --json
descr match a.jpg.nc b.jpg.nc --matcher soft-argmax --matcher-set window=5"""

_filter_option = options.panel("Which matches")


@grouped
def match(
    a: Annotated[Path, typer.Argument(metavar="A", help="The source: an image or a feature file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The target: an image or a feature file.")],
    *,
    points: Annotated[
        list[str] | None,
        typer.Option(
            "--points",
            metavar="X,Y|FILE",
            help="Match this point of A instead of every cell, or the points of a CSV file with "
            "the columns x,y and, if you like, name, or of a JSON file. Can be repeated.",
            rich_help_panel="Which places",
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        _filter_option(
            metavar="SCORE",
            help="Drop matches whose score, a cosine from -1 to 1, is lower.",
        ),
    ] = None,
    max_matches: Annotated[
        int | None,
        _filter_option(metavar="N", help="Keep the N best matches that lie spread over the image."),
    ] = None,
    masks: Masks,
    how: Annotated[How, how_parser("mutual")],
    output: Annotated[
        list[Path] | None,
        options.output_option(
            "Write the matches as .csv, .json or .nc, or a drawing as .png, .jpg or .webp. "
            "Can be repeated."
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Find which place of image A is which place of image B.

    Prints the best matches and a summary. Coordinates are pixels of the upright image, x to the
    right and y down, with 0,0 at the centre of the top-left pixel.
    """
    request = MatchRequest(
        a=a,
        b=b,
        points=parse_points(points or ()),
        masks=masks,
        how=how,
        min_score=min_score,
        max_matches=max_matches,
        outputs=output or [],
    )
    _check(request, points or ())
    places = [(point.x, point.y) for point in request.points] or None

    def find(*maps: Any, matcher: "AnyMatcher", **named: Any) -> "xr.Dataset":
        return matcher(*maps, points=places, **named)

    result = compare(MatchResult, request, find, check=request.check_inputs)
    if request.points:
        result.say_unmatched()
    write_all(result.writers())
    result.show(as_json)


def _check(request: MatchRequest, points: Sequence[str]) -> None:
    """Refuse what is wrong with the options, before the library is loaded."""
    if request.min_score is not None and not -1 <= request.min_score <= 1:
        raise UserError(f"--min-score must be a cosine from -1 to 1, not {request.min_score:g}")
    if request.max_matches is not None and request.max_matches < 1:
        raise UserError(f"--max-matches must be at least 1, not {request.max_matches}")
    if request.max_matches is not None and request.points:
        raise UserError(
            "--max-matches and --points exclude each other: every point is shown",
            hint="leave out one of them",
        )
    request.check_files(points)
