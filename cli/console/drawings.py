"""Pictures of features, and what a terminal tells of them."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from ..options.comparison import Comparison
from ..options.inputs import Input
from .errors import UserError, say
from .tables import Fact

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

    from ...applications.pictures import Scene
    from ..commands.show import Show
    from ..options.masks import FindMasks

Drawing: TypeAlias = "tuple[npt.NDArray[np.uint8], list[Fact], dict[str, Any]]"
"""A picture, what is printed of it, and the same for the JSON document."""


@dataclass(frozen=True, eq=False)
class Material:
    """What a picture is made of: the options, and the images with their descriptor and masks."""

    options: "Show"
    comparison: Comparison
    find_masks: "FindMasks"
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

    @property
    def look(self) -> dict[str, Any]:
        """How it is drawn, by the names in the library, which has the default of the opacity."""
        options = self.options.drawing.of_library().items()
        return {name: value for name, value in options if value is not None}

    def scene(self, maps: "Sequence[xr.DataArray] | None" = None) -> "Scene":
        """The maps, by default all channels of all trees, with their photographs and masks."""
        from ...applications.pictures import Scene
        from ...descriptors.combination.combine import CombinedMaps

        basis = self.comparison.basis
        maps = CombinedMaps(self.trees, basis=basis) if maps is None else maps
        return Scene(maps, self.photographs, self.find_masks(maps))

    def at_match(self) -> Any:
        """A context in which a fault of the user's own matcher is told as such."""
        matcher = self.comparison.matcher
        return nullcontext() if matcher is None else matcher.at_work()


def _pca(material: Material) -> Drawing:
    from ...applications.pictures import COMPONENTS, cell_views, pca_colors

    scene = material.scene()
    components = material.options.colors or COMPONENTS
    colors = pca_colors(scene.maps, scene.inside(), components)
    explained = colors[0].attrs["explained_variance"]
    return (
        scene.draw(cell_views(colors, scene.masks), **material.look),
        [
            ("components", _listing(components)),
            ("variance explained", ", ".join(f"{share:.1%}" for share in explained)),
        ],
        {"components": list(components), "explained_variance": _rounded(explained)},
    )


def _clusters(material: Material) -> Drawing:
    from ...applications.pictures import CLUSTERS, cluster_maps, paint_clusters

    scene = material.scene()
    clusters = material.options.clusters or CLUSTERS
    labels = cluster_maps(scene.maps, scene.inside(), clusters)
    facts = [("clusters", str(clusters))]
    for grid in labels[1:]:
        cosines = ", ".join(f"{cosine:.2f}" for cosine in grid.attrs["similarity"])
        facts.append((f"cosines with {grid.attrs['image_name']}", cosines))
    similarity = [_rounded(grid.attrs["similarity"]) for grid in labels]
    document = {"clusters": clusters, "similarity": similarity}
    return paint_clusters(labels, scene, **material.look), facts, document


def _map(material: Material) -> Drawing:
    from ...applications.pictures import paint_places, place_colors
    from ...descriptors import combine
    from ...matchers import NearestNeighbor

    scene = material.scene(combine(material.trees, basis=material.comparison.basis))
    choice = material.comparison.matcher
    matcher: Any = NearestNeighbor() if choice is None else choice.item
    with material.at_match():
        colors = place_colors(scene, matcher)
    matched = colors[1].attrs["matched"]
    share = f"{matched:.1%} of {scene.maps[1].attrs['image_name']}"
    return (
        paint_places(colors, scene, **material.look),
        [("matched", share), ("matcher", repr(matcher))],
        {"matched": round(matched, 4), "matcher": repr(matcher)},
    )


def _layers(material: Material) -> Drawing:
    from ...applications.pictures import COMPONENTS, layer_colors, paint_layers
    from ...descriptors import combine

    masks: list[Any] = [None] * len(material.trees)
    if material.options.masks.any:
        masks = material.find_masks(combine(material.trees, basis=material.comparison.basis))
    components = material.options.colors or COMPONENTS
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
        paint_layers(colors, material.photographs, masks, **material.look),
        facts,
        {"components": list(components), "layers": document},
    )


def _compare(material: Material) -> Drawing:
    from ...applications.pictures import CLUSTERS, draw_comparison, split_sources

    maps = split_sources(material.trees)
    if len(maps) == 1:
        say("there is one source to show; --as compare is for several, as those of fused")
    # Where masks are found, they are found in all sources together, which come last.
    masks = material.find_masks(list(maps.values())[-1])
    choice = material.comparison.matcher
    clusters = material.options.clusters or CLUSTERS
    assert material.photographs is not None
    with material.at_match():
        picture = draw_comparison(
            maps,
            [one.image for one in material.photographs],
            masks=masks,
            matcher=None if choice is None else choice.item,
            clusters=clusters,
            **material.look,
        )
    facts = [("compared", ", ".join(maps)), ("clusters", str(clusters))]
    document: dict[str, Any] = {"compared": list(maps), "clusters": clusters}
    if choice is not None:
        facts.append(("matcher", repr(choice.item)))
        document["matcher"] = repr(choice.item)
    return picture, facts, document


def _similarity(material: Material) -> Drawing:
    from ...applications.pictures import best_places, paint_similarity, similarity_maps

    scene = material.scene()
    points = [(point.x, point.y) for point in material.options.query]
    cosines = similarity_maps(scene, points)
    facts = [("points", str(len(points)))]
    best: list[list[dict[str, float]]] = []
    for grid in cosines[1:] or cosines:
        places = best_places(grid)
        listed = "; ".join(f"{x:.1f}, {y:.1f} ({score:.3f})" for x, y, score in places)
        facts.append((f"best in {grid.attrs['image_name']}", listed))
        best.append(
            [{"x": round(x, 3), "y": round(y, 3), "score": round(z, 5)} for x, y, z in places]
        )
    return (
        paint_similarity(cosines, points, scene, **material.look),
        facts,
        {"points": [{"x": x, "y": y} for x, y in points], "best": best},
    )


DRAWINGS: dict[str, Callable[[Material], Drawing]] = {
    "pca": _pca,
    "clusters": _clusters,
    "map": _map,
    "layers": _layers,
    "compare": _compare,
    "similarity": _similarity,
}


def _listing(numbers: Sequence[int]) -> str:
    red, green, blue = numbers
    return f"{red} red, {green} green, {blue} blue"


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 5) for value in values]
