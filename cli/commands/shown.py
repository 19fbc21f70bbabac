"""The pictures of `descr show`, and what is said of them."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from ..console.errors import UserError, say
from ..options.comparison import Comparison, Trees
from ..options.inputs import Input
from ..options.masks import Masks
from ..options.outputs import check_not_inputs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

    from ...applications.pictures.scenes import Scene
    from .show import Request

Facts: TypeAlias = list[tuple[str, str]]
Drawn: TypeAlias = "tuple[npt.NDArray[np.uint8], Facts, dict[str, Any]]"
"""A picture, what is printed of it, and the same for the JSON document."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture, uint8 (height, width, 3), with the facts to print and the JSON document."""

    picture: "npt.NDArray[np.uint8]"
    facts: Facts
    document: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Material:
    """What a picture is made of: the images with their descriptor, and their masks."""

    comparison: Comparison
    masks: Masks

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

    def scene(self, maps: "Sequence[xr.DataArray]") -> "Scene":
        """The maps with their photographs and masks."""
        from ...applications.pictures.scenes import Scene

        return Scene(maps, self.photographs, self.masks.find(maps))


def draw(request: "Request", material: Material, began: float) -> Shown:
    """The picture that is asked for; `began` is when the work did."""
    inputs = material.comparison.inputs
    if material.photographs is not None:
        check_not_inputs(request.outputs, [one.place for one in inputs])
    with Trees(material.comparison) as trees:
        picture, facts, document = _DRAWING[request.kind](request, material, trees)
        descriptor = str(trees[0].attrs["descriptor"])
    height, width = picture.shape[:2]
    seconds = time.perf_counter() - began
    named = "image" if len(inputs) == 1 else "images"
    shown = ", ".join(one.title for one in inputs)
    return Shown(
        picture,
        [
            (named, shown),
            *facts,
            ("descriptor", descriptor),
            ("picture", f"{width} x {height}"),
            ("seconds", f"{seconds:.2f}"),
        ],
        {
            "as": str(request.kind),
            "images": [one.document() for one in inputs],
            **document,
            "descriptor": descriptor,
            "picture": {"width": width, "height": height},
            "seconds": round(seconds, 3),
        },
    )


def _pca(request: "Request", material: Material, trees: "Sequence[xr.DataTree]") -> Drawn:
    from ...applications.pictures.components import COMPONENTS, cell_views, pca_colors
    from ...descriptors.combination.combine import CombinedMaps

    scene = material.scene(CombinedMaps(trees))
    components = request.components or COMPONENTS
    colors = pca_colors(scene.maps, scene.inside(), components)
    explained = colors[0].attrs["explained_variance"]
    return (
        scene.draw(cell_views(colors, scene.masks), request.width),
        [
            ("components", _listed(components)),
            ("variance explained", ", ".join(f"{share:.1%}" for share in explained)),
        ],
        {"components": list(components), "explained_variance": _rounded(explained)},
    )


def _clusters(request: "Request", material: Material, trees: "Sequence[xr.DataTree]") -> Drawn:
    from ...applications.pictures.clusters import CLUSTERS, cluster_maps
    from ...applications.pictures.regions import paint_clusters
    from ...descriptors.combination.combine import CombinedMaps

    scene = material.scene(CombinedMaps(trees))
    clusters = request.clusters or CLUSTERS
    labels = cluster_maps(scene.maps, scene.inside(), clusters)
    facts = [("clusters", str(clusters))]
    for grid in labels[1:]:
        cosines = ", ".join(f"{cosine:.2f}" for cosine in grid.attrs["similarity"])
        facts.append((f"cosines with {grid.attrs['image_name']}", cosines))
    return (
        paint_clusters(labels, scene, request.width),
        facts,
        {
            "clusters": clusters,
            "similarity": [_rounded(grid.attrs["similarity"]) for grid in labels],
        },
    )


def _map(request: "Request", material: Material, trees: "Sequence[xr.DataTree]") -> Drawn:
    from ...applications.pictures.places import place_colors, place_views
    from ...matchers import NearestNeighbor

    scene = material.scene(material.comparison.maps(trees))
    asked = material.comparison.matcher
    used: Any = NearestNeighbor() if asked is None else asked.made
    with nullcontext() if asked is None else asked.at_work():
        colors = place_colors(scene, used)
    matched = colors[1].attrs["matched"]
    return (
        scene.draw(place_views(colors, scene), request.width),
        [("matched", f"{matched:.1%} of {scene.maps[1].attrs['image_name']}"), _matcher(used)],
        {"matched": round(matched, 4), "matcher": repr(used)},
    )


def _layers(request: "Request", material: Material, trees: "Sequence[xr.DataTree]") -> Drawn:
    from ...applications.pictures.components import COMPONENTS
    from ...applications.pictures.layers import layer_colors, paint_layers

    masks: list[Any] = [None] * len(trees)
    if request.masks.given:
        masks = material.masks.find(material.comparison.maps(trees))
    components = request.components or COMPONENTS
    colors = layer_colors(list(trees), masks, components)
    facts = [("components", _listed(components))]
    document = []
    for path, grids in colors.items():
        explained = grids[0].attrs["explained_variance"]
        facts.append((path, f"{sum(explained):.1%} of the variance"))
        sizes = [[grid.attrs["rows"], grid.attrs["columns"]] for grid in grids]
        document.append(
            {
                "layer": path,
                "channels": grids[0].attrs["channels"],
                "grids": sizes,
                "explained_variance": _rounded(explained),
            }
        )
    return (
        paint_layers(colors, material.photographs, masks, request.width),
        facts,
        {"components": list(components), "layers": document},
    )


def _compare(request: "Request", material: Material, trees: "Sequence[xr.DataTree]") -> Drawn:
    from ...applications.pictures.clusters import CLUSTERS
    from ...applications.pictures.comparison import draw_comparison, split_sources

    maps = split_sources(trees)
    if len(maps) == 1:
        say("there is one source to show; --as compare is for several, as those of fused")
    # Where masks are found, they are found in all sources together, which come last.
    masks = material.masks.find(list(maps.values())[-1])
    asked = material.comparison.matcher
    clusters = request.clusters or CLUSTERS
    assert material.photographs is not None
    with nullcontext() if asked is None else asked.at_work():
        picture = draw_comparison(
            maps,
            [one.image for one in material.photographs],
            masks=masks,
            matcher=None if asked is None else asked.made,
            clusters=clusters,
            width=request.width,
        )
    facts = [("compared", ", ".join(maps)), ("clusters", str(clusters))]
    document: dict[str, Any] = {"compared": list(maps), "clusters": clusters}
    if asked is not None:
        facts.append(_matcher(asked.made))
        document["matcher"] = repr(asked.made)
    return picture, facts, document


_DRAWING: dict[str, Callable[["Request", Material, "Sequence[xr.DataTree]"], Drawn]] = {
    "pca": _pca,
    "clusters": _clusters,
    "map": _map,
    "layers": _layers,
    "compare": _compare,
}


def _matcher(used: Any) -> tuple[str, str]:
    return "matcher", repr(used)


def _listed(numbers: Sequence[int]) -> str:
    red, green, blue = numbers
    return f"{red} red, {green} green, {blue} blue"


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 5) for value in values]
