"""`descr transfer`: named points of one image, found in another."""

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

EXAMPLES = """\
descr transfer a.jpg b.jpg --points keypoints.csv -o found.csv -o found.png
descr transfer a.jpg b.jpg --points 210,135 --points 80,60
descr transfer a.jpg b.jpg --points keypoints.json --auto-mask --json"""


@grouped
def transfer(
    a: Annotated[Path, typer.Argument(metavar="A", help="The source: an image or a feature file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The target: an image or a feature file.")],
    *,
    points: Annotated[
        list[str],
        typer.Option(
            "--points",
            metavar="X,Y|FILE",
            help="A point of A; or a CSV file with the columns x,y and, if you like, name; or a "
            "JSON file. Can be repeated.",
            rich_help_panel="Which places",
        ),
    ],
    masks: Masks,
    how: Annotated[How, how_parser("soft-argmax")],
    output: Annotated[
        list[Path] | None,
        options.output_option(
            "Write the points as .csv, .json or .nc, or a drawing as .png, .jpg or .webp. "
            "Can be repeated."
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Find named points of image A in image B.

    Prints where each point lies, its score, and its round trip: how many pixels of A off the way
    back ends, small for most points that were found. Coordinates are pixels of the upright image,
    x to the right and y down, with 0,0 at the centre of the top-left pixel.
    """
    request = MatchRequest(
        a=a,
        b=b,
        points=parse_points(points),
        masks=masks,
        how=how,
        outputs=output or [],
    )
    if not request.points:
        raise UserError("--points gives no point", hint="give x,y as in 120,64.5, or a file")
    request.check_files(points)

    def find(*maps: Any, **named: Any) -> "xr.Dataset":
        from ...applications import transfer_keypoints

        places = [(point.x, point.y) for point in request.points]
        names = [point.name for point in request.points]
        return transfer_keypoints(places, *maps, names=names, **named)

    result = compare(
        MatchResult,
        request,
        find,
        check=request.check_inputs,
        doing=f"looking for {len(request.points)} points of {{}} in {{}}",
    )
    result.say_unmatched()
    write_all(result.writers())
    result.show(as_json)
