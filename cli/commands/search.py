"""`descr search`: which images of an index hold a place or a part of another one, and where."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..console.errors import UserError, say
from ..console.tables import Table
from ..options import common as options
from ..options.command import WorkCommand
from ..options.drawings import DrawingOptions
from ..options.groups import Panel, argument, same_option
from ..options.inputs import check_photographs, read_input
from ..options.matches import check_inside, parse_points
from ..options.method import ImageMethod, check_folders
from ..options.names import AUTO
from ..options.outputs import PICTURES, Writer, check_not_inputs, write_all, write_picture
from ..options.settings import split_settings

if TYPE_CHECKING:
    import xarray as xr

    from ...applications.pictures import Drawing
    from ...applications.search import Index
    from ...descriptors import Image
    from ..options.inputs import Input

_part_field = Panel("What to look for")
_NUMBERS = ("x", "y", "score", "agreement", "scale", "angle")


@dataclass(frozen=True, kw_only=True)
class Search(WorkCommand):
    """Find the images of an index that hold a place or a part of an image, and where in them.

    Prints the best ones. The score is the sum of the cosines of the cells of the part that agree on
    where it lies, through the number of all its cells. Coordinates are pixels of the upright image.
    """

    EXAMPLES: ClassVar[str] = """\
descr search robin.jpg birds.index --point 210,135
descr search robin.jpg birds.index --box 180,90,260,170 --top 50 -o hits.csv -o hits.png
descr search robin.jpg birds.index --mask beak.png --exact --json"""

    query: Path = argument("QUERY", "An image, a feature file, or a map in the basis of the index.")
    index: Path = argument("INDEX", "An index of `descr index build`.")
    point: list[str] | None = _part_field(
        "X,Y|FILE",
        "A point of the query, in pixels, or points of a CSV or JSON file: all of them are of one "
        f"part. {options.AGAIN}",
    )
    around: int = _part_field(
        "CELLS",
        "How many cells to each side of a point vote with it on where it lies; with 0 it stands "
        "alone.",
        default=3,
        min=0,
    )
    box: str | None = _part_field("X0,Y0,X1,Y1", "The part, as a box of pixels.")
    mask: Path | None = _part_field("FILE", "The part, as a mask of the size of the query.")
    top: int = _part_field("N", "List the N best images.", default=20, min=1)
    exact: bool = options.how_field.flag(
        "Look at the cells of all images, instead of those of candidates."
    )
    candidates: int | None = options.how_field(
        "N", "Look at the cells of N images; by default 200 and a sixteenth of all.", min=1
    )
    descriptor: str = same_option(ImageMethod, "descriptor")
    settings: list[str] | None = same_option(ImageMethod, "settings")
    device: str | None = same_option(ImageMethod, "device")
    folders: list[Path] | None = options.how_field(
        "FOLDER",
        "Look for the photographs of the hits below this folder too, not only where they were. "
        f"{options.AGAIN}",
        "--images",
    )
    drawing: DrawingOptions
    output: list[Path] | None = options.output_field(
        "Write the hits as .csv, .json or .nc, or a sheet of their photographs, which marks the "
        "places, as .png, .jpg, .webp, .svg or .pdf."
    )
    SUFFIXES: ClassVar = {
        "output": {".csv": "hits", ".json": "hits", ".nc": "the Dataset"}
        | dict.fromkeys(PICTURES, "sheet")
    }

    @property
    def read(self) -> list[Path]:
        """See `WorkCommand.read`."""
        return [self.query, *([self.mask] if self.mask else [])]

    def check(self) -> None:
        """Refuse two parts at once, and what is no box."""
        split_settings(self.settings or (), "--set")
        if sum(map(bool, (self.point, self.box, self.mask))) > 1:
            raise UserError("--point, --box and --mask exclude each other", hint="give one of them")
        if self.exact and self.candidates is not None:
            raise UserError("--exact and --candidates exclude each other", hint="leave out one")
        self._box()
        check_folders(self.folders or ())
        if self.folders and not self._pictures:
            raise UserError(
                "--images has nothing to do: no picture is written", hint="as in -o hits.png"
            )

    def work(self) -> None:
        """Look for the part, write the files and print the hits."""
        from ...applications.search import Index, hit_rows, write_hits

        index, query = Index(self.index), read_input(self.query, self.folders or ())
        if self._pictures:
            check_photographs(
                [query], "drawing", self._pictures, instead="write .csv, .json or .nc"
            )
        points = [(point.x, point.y) for point in self._points(query)]
        features = self._features(index, query)
        start = time.perf_counter()
        hits = index.search(
            features,
            points=points or None,
            around=self.around,
            box=self._box(),
            mask=self.mask,
            top=self.top,
            exact=self.exact,
            candidates=self.candidates,
        )
        about = {
            "query": query.document(),
            "index": str(self.index),
            "images": hits.attrs["images"],
            "looked_at": hits.attrs["looked_at"],
            "engine": hits.attrs["engine"],
            "seconds": round(time.perf_counter() - start, 3),
        }
        written = self.written()
        writers: dict[Path, Writer] = dict.fromkeys(written, partial(write_hits, hits, about=about))
        if self._pictures:
            sheet = self._draw(index, query, hits, points)
            writers |= dict.fromkeys(self._pictures, partial(write_picture, sheet))
        write_all(writers)
        rows = hit_rows(hits)
        document = {**about, "written": [str(path) for path in written], "hits": rows}
        looked = f"the cells of {about['looked_at']:,} of {about['images']:,} images"
        facts = [
            ("query", query.title),
            ("looked at", looked),
            ("seconds", f"{about['seconds']:g}"),
        ]
        self.print_result(document, facts, [_table(rows)] if rows else [])

    @cached_property
    def _pictures(self) -> list[Path]:
        return [path for path in self.written() if path.suffix.lower() in PICTURES]

    def _draw(
        self, index: "Index", query: "Input", hits: "xr.Dataset", points: Sequence[Any]
    ) -> "Drawing":
        """The sheet; says how many photographs are missing, and why the first one is."""
        from ...applications import draw_hits
        from ...descriptors.errors import ImageError

        missing: list[ImageError] = []

        def photograph(key: str) -> "Image":
            try:
                path, image = index.photograph(key, self.folders or ())
            except ImageError as error:
                missing.append(error)
                raise
            check_not_inputs(self._pictures, [path])
            return image

        part: dict[str, Any] = {"points": points or None, "box": self._box(), "mask": self.mask}
        look = self.drawing.of_library()
        sheet = draw_hits(hits, query.image, photograph, **part, **look)
        if missing:
            say(
                f"{len(missing)} of {hits.sizes['hit']} photographs are left out: "
                f"{missing[0].message}; name the folder that holds them with --images FOLDER"
            )
        return sheet

    def _box(self) -> list[float] | None:
        if self.box is None:
            return None
        try:
            sides = [float(side) for side in self.box.split(",")]
        except ValueError:
            sides = []
        if len(sides) != 4:
            raise UserError(f"--box {self.box}: is no X0,Y0,X1,Y1", hint="as in --box 10,20,90,80")
        return sides

    def _points(self, query: "Input") -> Sequence[Any]:
        points = parse_points(self.point or (), "--point")
        check_inside(points, width=query.width, height=query.height, image=query.name)
        return points

    def _features(self, index: "Index", query: "Input") -> Any:
        """The map or the features of the query, described as the index was where it is an image."""
        from ..options.choice import check_device_is_taken, descriptor_of_file, make_descriptor

        if query.has_features:
            return query.fmap if query.has_map else query.tree
        if self.descriptor == AUTO and not self.settings:
            describe = descriptor_of_file(self.index, index.basis, self.device)
        else:
            settings = split_settings(self.settings or (), "--set")
            describe = make_descriptor(self.descriptor, settings, self.device)
        check_device_is_taken(self.device, describe)
        with describe.at_work():
            return describe.item.extract([query.image])[0]


def _table(rows: Sequence[Any]) -> Table:
    texts = [
        [str(rank), row["image"], f"{row['x']:.1f}", f"{row['y']:.1f}"]
        + [f"{row[name]:.3f}" for name in ("score", "agreement", "scale")]
        + [f"{row['angle']:.0f}"]
        for rank, row in enumerate(rows, 1)
    ]
    return Table(["", "image", *_NUMBERS], texts, ["", *_NUMBERS])
