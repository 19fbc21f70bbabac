"""Each layer of feature trees as colours."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from ...descriptors import Descriptor, read_image
from ...descriptors.combination.basis import check_together
from ...descriptors.features.tree import tree_layers
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ..feature_maps import TreeOrImage, feature_trees, only_images
from .components import COMPONENTS, cell_views, check_components, pca_colors
from .overlay import check_width
from .painting import Mask, Picture
from .scenes import Photograph, about_image, aspect, cells_inside, check_beside, photograph_view
from .sheet import draw_sheet

_TALLEST = 1.25  # height of the picture, at most, as a multiple of the width that was asked for


def layer_pca(
    inputs: Sequence[TreeOrImage],
    descriptor: Descriptor | None = None,
    *,
    masks: Sequence[MaskLike | None] | None = None,
    components: Sequence[int] = COMPONENTS,
) -> dict[str, list[xr.DataArray]]:
    """Colours of the cells of each layer: principal components as red, green and blue.

    One projection and one scale per layer, fitted to the cells of all images, as in "A Tale of Two
    Features" (figure 2): it shows which layers tell parts apart, and which textures. Raises as
    `joint_pca` does.

    Args:
        inputs: Feature trees made with the same settings, or images together with a descriptor.
        descriptor, masks, components: As in `joint_pca`.

    Returns:
        dict of str to list of xarray.DataArray: By "source/layer", in the order of the trees: per
            image (y, x, rgb), as `joint_pca` gives it. The attributes `rows`, `columns` and
            `channels` are those of the layer.
    """
    numbers = check_components(components)
    trees = feature_trees(inputs, descriptor)
    _, cut = check_beside(None, masks, [tree.attrs for tree in trees])
    return layer_colors(trees, cut, numbers)


def draw_layers(
    inputs: Sequence[TreeOrImage],
    descriptor: Descriptor | None = None,
    *,
    images: Sequence[ImageLike] | None = None,
    masks: Sequence[MaskLike | None] | None = None,
    components: Sequence[int] = COMPONENTS,
    width: int = 1600,
) -> Picture:
    """`layer_pca` as a picture, uint8 (height, width, 3) RGB: a row per layer, a column per image.

    Takes and raises what `layer_pca` does. `images` are the photographs of feature trees, for a row
    above; `width` is that of `draw_pca`.
    """
    check_width(width)
    numbers = check_components(components)
    if images is None and (own := only_images(inputs)):
        inputs = images = [read_image(one) for one in own]
    trees = feature_trees(inputs, descriptor)
    photographs, cut = check_beside(images, masks, [tree.attrs for tree in trees])
    return paint_layers(layer_colors(trees, cut, numbers), photographs, cut, width)


def paint_layers(
    colors: Mapping[str, Sequence[xr.DataArray]],
    photographs: Sequence[Photograph] | None,
    masks: Sequence[Mask | None],
    width: int,
) -> Picture:
    """The picture of the colours of some layers; see `draw_layers`."""
    rows = [cell_views(grids, masks) for grids in colors.values()]
    labels = [_label(path, grids) for path, grids in colors.items()]
    if photographs is not None:
        rows.insert(0, [photograph_view(image) for image in photographs])
        labels.insert(0, [])
    aspects = [aspect(grid) for grid in next(iter(colors.values()))]
    return draw_sheet(rows, aspects, width=width, row_labels=labels, tallest=_TALLEST)


def layer_colors(
    trees: Sequence[xr.DataTree], masks: Sequence[Mask | None], components: Sequence[int]
) -> dict[str, list[xr.DataArray]]:
    """The colours of the layers of these trees; see `layer_pca`."""
    check_together(trees)
    layers = [tree_layers(tree) for tree in trees]
    colors: dict[str, list[xr.DataArray]] = {}
    for path in layers[0]:
        grids = [
            one[path]["features"].assign_attrs(about_image(tree.attrs))
            for one, tree in zip(layers, trees, strict=True)
        ]
        inside = [cells_inside(*both) for both in zip(grids, masks, strict=True)]
        colors[path] = pca_colors(grids, inside, components)
        for painted, grid in zip(colors[path], grids, strict=True):
            channels, rows, columns = grid.shape
            painted.attrs |= {"rows": rows, "columns": columns, "channels": channels}
    return colors


def _label(path: str, grids: Sequence[xr.DataArray]) -> list[str]:
    """The layer, its source, and how many cells there are; of images that differ, the range."""
    source, _, layer = path.partition("/")
    sizes = {(grid.attrs["rows"], grid.attrs["columns"]) for grid in grids}
    shapes = " or ".join(f"{rows} x {columns}" for rows, columns in sorted(sizes)[:2])
    if len(sizes) > 2:
        most = np.array(sorted(sizes)).max(axis=0)
        shapes = f"up to {most[0]} x {most[1]}"
    channels = grids[0].attrs["channels"]
    return [layer, source.replace("_", " "), f"{shapes} cells", f"{channels} channels"]
