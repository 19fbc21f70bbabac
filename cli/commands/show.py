"""`descr show`: what features look like."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

import typer

from ..console.errors import UserError, say
from ..options import common as options
from ..options.comparison import Comparison, Trees
from ..options.groups import panel
from ..options.images import Answer, Fact, ImageCommand
from ..options.inputs import Input, check_photographs
from ..options.masks import MaskOptions, Masks, mask_field
from ..options.method import ImageMethod
from ..options.outputs import PICTURES, check_not_inputs, check_suffixes, write_picture

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

    from ...applications.pictures.scenes import Scene

NO_MASK = "-"
_WIDTHS = 64, 20_000
_COMPONENTS = 4096
_view_field = panel("What")

Drawing: TypeAlias = "tuple[npt.NDArray[np.uint8], list[Fact], dict[str, Any]]"
"""A picture, what is printed of it, and the same for the JSON document."""


class Kind(StrEnum):
    """What a picture shows."""

    PCA = "pca"
    CLUSTERS = "clusters"
    MAP = "map"
    LAYERS = "layers"
    COMPARE = "compare"


@dataclass(frozen=True, kw_only=True)
class ImageMasks(MaskOptions):
    """The masks of any number of images."""

    mask: list[str] | None = mask_field(
        "IMAGE",
        "The object in the first image is where this image, of the same size, is bright. "
        f"Once per image, in their order; {NO_MASK} for an image without a mask.",
        "--mask",
    )
    segment: options.Segment = None
    auto_mask: options.AutoMask = False
    mask_settings: options.MaskSettings = None
    file_options: ClassVar[str] = "--mask"

    @property
    def files(self) -> Sequence[Path | None]:
        """The mask of each image."""
        return tuple(None if file == NO_MASK else Path(file) for file in self.mask or ())


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
descr show a.jpg b.jpg --as compare --descriptor fused -o compare.png"""
    doing: ClassVar[str] = "showing {}"
    between: ClassVar[str] = ", "

    images: Annotated[
        list[Path], typer.Argument(metavar="A [B ...]", help="Images or feature files.")
    ]
    kind: Kind = _view_field(
        None,
        "What to show: pca, principal components of all images together as red, green "
        "and blue; clusters, of each image, with one colour for those that belong together; "
        "map, the first image coloured by position and the second by where it matches; "
        "layers, the components of each layer; compare, all of it for each part of a fused "
        "descriptor.",
        "--as",
        default=Kind.PCA,
    )
    clusters: int | None = _view_field(
        "N", "How many clusters per image, 6 by default and 12 at most."
    )
    components: str | None = _view_field(
        "R,G,B", "Which principal components become red, green and blue: 1,2,3 by default."
    )
    width: int = _view_field(
        "PIXELS",
        "Width of the picture; it comes out narrower where it would be too tall.",
        default=1600,
    )
    masks: ImageMasks
    method: ShowMethod
    output: list[Path] | None = options.output_field("The picture: .png, .jpg or .webp.")
    as_json: options.Json = False

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

    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""
        count, masks = len(self.images), len(self.masks.files)
        if masks not in (0, count):
            raise UserError(
                f"--mask is given {masks} time{'s' if masks > 1 else ''} for {count} images",
                hint=f"give it once per image, in their order; {NO_MASK} for one without a mask",
            )
        of_matches = Kind.MAP, Kind.COMPARE
        if self.kind in of_matches and count != 2:
            raise UserError(
                f"--as {self.kind} needs two images, not {count}",
                hint="give the source and the target",
            )
        for option, has_value, kinds in (
            ("--clusters", self.clusters is not None, (Kind.CLUSTERS, Kind.COMPARE)),
            ("--components", self.colors is not None, (Kind.PCA, Kind.LAYERS)),
            ("--matcher", self.method.matcher is not None, of_matches),
            ("--matcher-set", bool(self.method.matcher_settings), of_matches),
        ):
            if has_value and self.kind not in kinds:
                raise UserError(
                    f"{option} has nothing to do with --as {self.kind}",
                    hint=f"leave it out, or show {' or '.join(kinds)}",
                )
        if self.method.matcher_settings and self.method.matcher is None:
            raise UserError("--matcher-set needs --matcher", hint="as in --matcher mutual")
        if self.clusters is not None and not 2 <= self.clusters <= 12:
            raise UserError(f"--clusters must be from 2 to 12, not {self.clusters}")
        low, high = _WIDTHS
        if not low <= self.width <= high:
            raise UserError(f"--width must be from {low} to {high} pixels, not {self.width}")
        if not self.output:
            raise UserError("no file for the picture", hint="say where it goes: -o FILE.png")
        check_suffixes(self.output, PICTURES)

    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse a comparison without the photographs."""
        if self.kind is Kind.COMPARE:
            check_photographs(comparison.inputs, "--as compare", self.written)

    def work(self, comparison: Comparison, masks: Masks) -> Answer:
        """Draw the picture."""
        inputs = comparison.inputs
        with Trees(comparison) as trees:
            material = Material(self, comparison, masks, trees)
            if material.photographs is not None:
                check_not_inputs(self.written, [one.place for one in inputs])
            picture, facts, numbers = _DRAWINGS[self.kind](material)
            descriptor = str(trees[0].attrs["descriptor"])
        height, width = picture.shape[:2]
        titles = ", ".join(one.title for one in inputs)
        return Answer(
            numbers={
                "as": str(self.kind),
                "images": [one.document() for one in inputs],
                **numbers,
                "descriptor": descriptor,
                "picture": {"width": width, "height": height},
            },
            facts=[
                ("image" if len(inputs) == 1 else "images", titles),
                *facts,
                ("descriptor", descriptor),
                ("picture", f"{width} x {height}"),
            ],
            writers=dict.fromkeys(self.written, partial(write_picture, picture)),
        )


@dataclass(frozen=True, eq=False)
class Material:
    """What a picture is made of: the images with their descriptor, and their masks."""

    command: Show
    comparison: Comparison
    masks: Masks
    trees: "Sequence[xr.DataTree]"

    @cached_property
    def photographs(self) -> list[Input] | None:
        """The images; None, and a line that says why, where that of a feature file is not found."""
        try:
            for one in self.comparison.inputs:
                one.place  # noqa: B018
        except UserError as error:
            say(f"the photographs are left out: {error.message}; {error.hint}")
            return None
        return self.comparison.inputs

    def scene(self, maps: "Sequence[xr.DataArray] | None" = None) -> "Scene":
        """The maps, by default all channels of all trees, with their photographs and masks."""
        from ...applications.pictures.scenes import Scene
        from ...descriptors.combination.combine import CombinedMaps

        maps = CombinedMaps(self.trees) if maps is None else maps
        return Scene(maps, self.photographs, self.masks.find(maps))

    def at_match(self) -> Any:
        """A context in which a fault of the user's own matcher is told as such."""
        matcher = self.comparison.matcher
        return nullcontext() if matcher is None else matcher.at_work()


def _pca(material: Material) -> Drawing:
    from ...applications.pictures.components import COMPONENTS, cell_views, pca_colors

    scene = material.scene()
    components = material.command.colors or COMPONENTS
    colors = pca_colors(scene.maps, scene.inside(), components)
    explained = colors[0].attrs["explained_variance"]
    return (
        scene.draw(cell_views(colors, scene.masks), material.command.width),
        [
            ("components", _listing(components)),
            ("variance explained", ", ".join(f"{share:.1%}" for share in explained)),
        ],
        {"components": list(components), "explained_variance": _rounded(explained)},
    )


def _clusters(material: Material) -> Drawing:
    from ...applications.pictures.clusters import CLUSTERS, cluster_maps
    from ...applications.pictures.regions import paint_clusters

    scene = material.scene()
    clusters = material.command.clusters or CLUSTERS
    labels = cluster_maps(scene.maps, scene.inside(), clusters)
    facts = [("clusters", str(clusters))]
    for grid in labels[1:]:
        cosines = ", ".join(f"{cosine:.2f}" for cosine in grid.attrs["similarity"])
        facts.append((f"cosines with {grid.attrs['image_name']}", cosines))
    similarity = [_rounded(grid.attrs["similarity"]) for grid in labels]
    document = {"clusters": clusters, "similarity": similarity}
    return paint_clusters(labels, scene, material.command.width), facts, document


def _map(material: Material) -> Drawing:
    from ...applications.pictures.places import place_colors, place_views
    from ...descriptors import combine
    from ...matchers import NearestNeighbor

    scene = material.scene(combine(material.trees))
    choice = material.comparison.matcher
    matcher: Any = NearestNeighbor() if choice is None else choice.made
    with material.at_match():
        colors = place_colors(scene, matcher)
    matched = colors[1].attrs["matched"]
    share = f"{matched:.1%} of {scene.maps[1].attrs['image_name']}"
    return (
        scene.draw(place_views(colors, scene), material.command.width),
        [("matched", share), ("matcher", repr(matcher))],
        {"matched": round(matched, 4), "matcher": repr(matcher)},
    )


def _layers(material: Material) -> Drawing:
    from ...applications.pictures.components import COMPONENTS
    from ...applications.pictures.layers import layer_colors, paint_layers
    from ...descriptors import combine

    masks: list[Any] = [None] * len(material.trees)
    if material.command.masks.any:
        masks = material.masks.find(combine(material.trees))
    components = material.command.colors or COMPONENTS
    colors = layer_colors(list(material.trees), masks, components)
    facts = [("components", _listing(components))]
    document = []
    for path, grids in colors.items():
        explained = grids[0].attrs["explained_variance"]
        facts.append((path, f"{sum(explained):.1%} of the variance"))
        document.append(
            {
                "layer": path,
                "channels": grids[0].attrs["channels"],
                "grids": [[grid.attrs["rows"], grid.attrs["columns"]] for grid in grids],
                "explained_variance": _rounded(explained),
            }
        )
    return (
        paint_layers(colors, material.photographs, masks, material.command.width),
        facts,
        {"components": list(components), "layers": document},
    )


def _compare(material: Material) -> Drawing:
    from ...applications.pictures.clusters import CLUSTERS
    from ...applications.pictures.comparison import draw_comparison, split_sources

    maps = split_sources(material.trees)
    if len(maps) == 1:
        say("there is one source to show; --as compare is for several, as those of fused")
    # Where masks are found, they are found in all sources together, which come last.
    masks = material.masks.find(list(maps.values())[-1])
    choice = material.comparison.matcher
    clusters = material.command.clusters or CLUSTERS
    assert material.photographs is not None
    with material.at_match():
        picture = draw_comparison(
            maps,
            [one.image for one in material.photographs],
            masks=masks,
            matcher=None if choice is None else choice.made,
            clusters=clusters,
            width=material.command.width,
        )
    facts = [("compared", ", ".join(maps)), ("clusters", str(clusters))]
    document: dict[str, Any] = {"compared": list(maps), "clusters": clusters}
    if choice is not None:
        facts.append(("matcher", repr(choice.made)))
        document["matcher"] = repr(choice.made)
    return picture, facts, document


_DRAWINGS: dict[str, Callable[[Material], Drawing]] = {
    Kind.PCA: _pca,
    Kind.CLUSTERS: _clusters,
    Kind.MAP: _map,
    Kind.LAYERS: _layers,
    Kind.COMPARE: _compare,
}


def _listing(numbers: Sequence[int]) -> str:
    red, green, blue = numbers
    return f"{red} red, {green} green, {blue} blue"


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 5) for value in values]
