"""`descr show`: what features look like."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..console.drawings import DRAWINGS, Material
from ..console.errors import UserError
from ..options import common as options
from ..options.comparison import Comparison, Trees
from ..options.drawings import HeatDrawingOptions
from ..options.groups import Panel, argument
from ..options.images import Answer, ImageCommand
from ..options.inputs import check_photographs
from ..options.masks import ImageMasks
from ..options.matches import check_inside, parse_points
from ..options.method import ImageMethod
from ..options.outputs import PICTURES, check_not_inputs, write_picture

if TYPE_CHECKING:
    from ...applications.exchange import Point
    from ..options.masks import FindMasks

_COMPONENTS = 4096
_view_field = Panel("What")


Kind = StrEnum("Kind", "PCA CLUSTERS MAP LAYERS COMPARE SIMILARITY")
"""What a picture shows."""


@dataclass(frozen=True, kw_only=True)
class ShowMethod(ImageMethod):
    """The options under "How"."""

    matcher: str | None = options.matcher_field(
        f"The matcher of map and compare: a name of `descr matchers`, or {options.OWN}. "
        "By default nearest for colours, mutual for lines.",
    )


@dataclass(frozen=True, kw_only=True)
class Show(ImageCommand):
    """Make a picture of the features of one or more images.

    Prints what the picture shows and where it is.
    """

    EXAMPLES: ClassVar[str] = """\
descr show a.jpg b.jpg -o pca.png
descr show a.jpg b.jpg c.jpg --as clusters --clusters 8 --auto-mask -o parts.png
descr show a.jpg b.jpg --as map --matcher mutual -o map.png
descr show a.jpg b.jpg --as layers --descriptor fused -o layers.png
descr show a.jpg b.jpg --as compare --descriptor fused -o compare.png
descr show a.jpg b.jpg c.jpg --as similarity --point 210,135 -o heat.png"""
    doing: ClassVar[str] = "showing {}"
    between: ClassVar[str] = ", "

    images: list[Path] = argument("A [B ...]", "Images or feature files.")
    kind: Kind = _view_field(
        None,
        "What to show: pca, principal components of all images together as red, green "
        "and blue; clusters, of each image, with one colour for those that belong together; "
        "map, the first image coloured by position and the second by where it matches; "
        "layers, the components of each layer; compare, all of it for each part of a fused "
        "descriptor; similarity, how like a point of the first image each place of the others is.",
        "--as",
        default=Kind.PCA,
    )
    clusters: int | None = _view_field(
        "N", "How many clusters per image, 6 by default and 12 at most."
    )
    components: str | None = _view_field(
        "R,G,B", "Which principal components become red, green and blue: 1,2,3 by default."
    )
    drawing: HeatDrawingOptions
    point: list[str] | None = _view_field(
        "X,Y|FILE",
        "The point of the first image for similarity, in pixels; or points of a CSV or JSON file, "
        f"a row for each. {options.AGAIN}",
    )
    masks: ImageMasks
    method: ShowMethod
    output: list[Path] | None = options.output_field(
        "The picture: .png, .jpg, .webp, .svg or .pdf."
    )
    SUFFIXES: ClassVar = {"output": PICTURES}

    @property
    def sources(self) -> Sequence[Path]:
        """The images."""
        return self.images

    @cached_property
    def colors(self) -> tuple[int, int, int] | None:
        """Which components become red, green and blue; None where none is named."""
        if self.components is None:
            return None
        try:
            red, green, blue = (int(text) for text in self.components.split(","))
        except ValueError:
            red = green = blue = 0
        if not all(1 <= one <= _COMPONENTS for one in (red, green, blue)):
            raise UserError(
                f"--components must be three numbers from 1 to {_COMPONENTS}, "
                f"not {self.components!r}",
                hint="as in --components 1,2,3",
            )
        return red, green, blue

    @cached_property
    def query(self) -> "list[Point]":
        """The points whose similarity is shown."""
        return parse_points(self.point or (), "--point")

    @property
    def read(self) -> list[Path]:
        """See `WorkCommand.read`."""
        return [*super().read, *(Path(one) for one in self.point or () if os.path.isfile(one))]

    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""
        count = len(self.images)
        self.masks.check_count(count)
        of_matches = Kind.MAP, Kind.COMPARE
        if self.kind in of_matches and count != 2:
            raise UserError(
                f"--as {self.kind} needs two images, not {count}",
                hint="give the source and the target",
            )
        over_photographs = Kind.CLUSTERS, Kind.MAP, Kind.SIMILARITY
        of_maps = Kind.PCA, Kind.CLUSTERS, Kind.MAP, Kind.SIMILARITY
        for option, has_value, kinds in (
            ("--clusters", self.clusters is not None, (Kind.CLUSTERS, Kind.COMPARE)),
            ("--components", self.colors is not None, (Kind.PCA, Kind.LAYERS)),
            ("--matcher", self.method.matcher is not None, of_matches),
            ("--basis", self.method.basis is not None, of_maps),
            ("--point", self.point is not None, (Kind.SIMILARITY,)),
            ("--opacity", self.drawing.opacity is not None, over_photographs),
            ("--matcher-set", bool(self.method.matcher_settings), of_matches),
        ):
            if has_value and self.kind not in kinds:
                raise UserError(
                    f"{option} has nothing to do with --as {self.kind}",
                    hint=f"leave it out, or show {' or '.join(kinds)}",
                )
        if self.method.matcher_settings and self.method.matcher is None:
            raise UserError("--matcher-set needs --matcher", hint="as in --matcher mutual")
        if self.kind is Kind.SIMILARITY and not self.query:
            raise UserError("--as similarity needs --point", hint="as in --point 120,64")
        if self.clusters is not None and not 2 <= self.clusters <= 12:
            raise UserError(f"--clusters must be from 2 to 12, not {self.clusters}")
        if not self.output:
            raise UserError("no file for the picture", hint="say where it goes: -o FILE.png")

    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse maps, and a comparison without the photographs."""
        for one in comparison.inputs:
            if one.has_map:
                raise UserError(
                    f"{one.path} is a feature map, and a picture is made of whole features",
                    hint="give the image, or its feature file",
                )
        first = comparison.inputs[0]
        check_inside(self.query, width=first.width, height=first.height, image=first.name)
        if self.kind is Kind.COMPARE:
            check_photographs(comparison.inputs, "--as compare", self.written())

    def compare(self, comparison: Comparison, find_masks: "FindMasks") -> Answer:
        """Draw the picture."""
        inputs = comparison.inputs
        with Trees(comparison) as trees:
            material = Material(self, comparison, find_masks, trees)
            if material.photographs is not None:
                check_not_inputs(self.written(), [one.place for one in inputs])
            picture, facts, numbers = DRAWINGS[self.kind](material)
            descriptor = str(trees[0].attrs["descriptor"])
        height, width = picture.shape[:2]
        titles = ", ".join(one.title for one in inputs)
        images = ("image" if len(inputs) == 1 else "images", titles)
        size = ("picture", f"{width} x {height}")
        return Answer(
            numbers={
                "as": str(self.kind),
                "images": [one.document() for one in inputs],
                **numbers,
                "descriptor": descriptor,
                "picture": {"width": width, "height": height},
            },
            facts=[images, *facts, ("descriptor", descriptor), size],
            writers=dict.fromkeys(self.written(), partial(write_picture, picture)),
        )
