"""Several descriptors side by side on one pair of images."""

from collections.abc import Mapping, Sequence

import xarray as xr

from ...descriptors import combine
from ...descriptors.errors import OptionError
from ...descriptors.features.tree import tree_layers
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_int
from ...matchers import Matcher, MutualNearestNeighbor, to_matches
from ..exchange import best_spread
from .canvas import Canvas, Drawing
from .clusters import CLUSTERS, check_clusters, cluster_maps, paint_regions
from .components import cell_views, pca_colors
from .legend import with_note
from .letters import text_size
from .matches import draw_matches
from .painting import Picture, View
from .pair import BESIDE, PairLayout
from .places import place_colors
from .scenes import OPACITY, Scene, paint_over
from .sheet import draw_sheet

FUSED = "fused"
MATCHES = 40  # how many matches a column shows: more can't be told apart at its width
_NARROWEST = 128  # width of a column, at least, in pixels


def split_sources(trees: Sequence[xr.DataTree]) -> dict[str, list[xr.DataArray]]:
    """The feature maps of each source of the trees alone, and of all together.

    The trees are those of all images that are to be compared, extracted with the same settings. By
    the name of each source comes a list of what `combine` makes of it alone, one map per tree; and
    under "fused" what it makes of all, where there are several.
    Raises `IncomparableFeaturesError` or `InvalidFeaturesError` if the trees don't go together, or
    are none.
    """
    together = combine(trees)
    sources = list(dict.fromkeys(together[0]["source"].values.tolist()))
    listed = dict.fromkeys(node.attrs["source"] for node in tree_layers(trees[0]).values())
    if len(sources) == 1:
        return {sources[0]: together}
    maps = {
        source: combine(trees, weights={one: float(one == source) for one in listed})
        for source in listed
        if source in sources
    }
    return {**maps, FUSED: together}


def draw_comparison(
    maps: Mapping[str, Sequence[xr.DataArray]],
    images: Sequence[ImageLike],
    *,
    matcher: Matcher | None = None,
    matches: int = MATCHES,
    clusters: int = CLUSTERS,
    masks: Sequence[MaskLike | None] | None = None,
    seed: int = 0,
    width: int = 1600,
    titles: bool = False,
) -> Drawing:
    """Descriptors beside each other on one pair: a column for each.

    The rows are the best matches, the correspondence map, joint principal components and matched
    clusters (as figures 3 to 5 of "A Tale of Two Features" have them), each of source and target.
    Raises `OptionError` if there is no descriptor, are not two images, or a number is out of range;
    `IncomparableFeaturesError`, `InvalidFeaturesError` or `ImageError` if maps, images or masks
    don't go together, or can't be used.

    Args:
        maps: By the name that stands above the column: the feature maps of source and target. Of
            fused features `split_sources` makes those of each source, and of the fusion.
        images: The two photographs.
        matcher: For lines and colours. By default lines join mutual nearest neighbours, and the
            correspondence map shows nearest neighbours.
        matches: How many lines to draw, spread over the image.
        clusters, seed: As in `matched_clusters`.
        masks: One per image, of its size, or None. Only cells inside count.
        width: Of the picture, in pixels. It comes out narrower where it would be too tall.
        titles: Whether a line below names source and target.
    """
    if not maps:
        raise OptionError("no descriptor to compare")
    check_int("width", width, minimum=_NARROWEST * len(maps), maximum=20_000)
    check_int("matches", matches, minimum=0)
    check_clusters(clusters, seed)
    for name, pair in maps.items():
        if len(pair) != 2:
            raise OptionError(f"a comparison needs two images, not {len(pair)} (of {name})")
    if images is None:
        raise OptionError("a comparison needs the two photographs")
    scenes = [Scene.of(pair, None, images, masks) for pair in maps.values()]
    columns = []
    for scene in scenes:
        inside = scene.inside()
        labels = cluster_maps(scene.maps, inside, clusters, seed)
        columns.append(
            [
                _match_view(scene, matcher or MutualNearestNeighbor(), matches),
                _pair(scene.views(paint_over, place_colors(scene, matcher), OPACITY), scene),
                _pair(cell_views(pca_colors(scene.maps, inside), scene.masks), scene),
                _pair(scene.views(paint_regions, labels, OPACITY), scene),
            ]
        )
    sheet = draw_sheet(
        list(zip(*columns, strict=True)),
        # What `PairLayout` adds between the two photographs is as good as nothing.
        [sum(scene.aspects) for scene in scenes],
        width=width,
        row_labels=[["matches"], ["map"], ["PCA"], ["clusters"]],
        column_labels=[name.replace("_", " ") for name in maps],
    )
    names = ", ".join(scenes[0].titles)
    return with_note(sheet, names, text_size(sheet.shape[1])) if titles else sheet


def _match_view(scene: Scene, matcher: Matcher, count: int) -> View:
    """Both photographs, joined by the best matches."""
    source_mask, target_mask = scene.masks
    matches = matcher(*scene.maps, source_mask=source_mask, target_mask=target_mask)
    best = best_spread(to_matches(matches), count)
    a, b = (image.pixels for image in scene.photographs or ())
    return lambda height, width: _fit(
        draw_matches(a, b, best, width=width, layout=BESIDE), height, width
    )


def _pair(views: Sequence[View], scene: Scene) -> View:
    """Two views at the places where the photographs lie under the matches."""
    a, b = (image.pixels.shape for image in scene.photographs or ())
    return lambda height, width: _fit(
        PairLayout.of(a, b, width).join(*views).finish(), height, width
    )


def _fit(picture: Picture, height: int, width: int) -> Drawing:
    """The picture in the middle of white of this size, shrunk where it is larger."""
    scale = min(height / picture.shape[0], width / picture.shape[1])
    scale = min(scale, 1.0)
    canvas = Canvas.blank(height, width)
    tall, wide = (max(1, int(side * scale + 1e-6)) for side in picture.shape[:2])
    canvas.put(picture, (width - wide) // 2, (height - tall) // 2, scale)
    return canvas.finish()
