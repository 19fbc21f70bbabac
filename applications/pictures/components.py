"""Principal components of features as colours: of feature maps, and of each layer of trees."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr

from ...descriptors import Descriptor, read_image
from ...descriptors.combination.basis import check_together
from ...descriptors.combination.pca import Moments
from ...descriptors.errors import OptionError
from ...descriptors.features.grids import as_tensor
from ...descriptors.features.tree import tree_layers
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_int
from ..feature_maps import MapOrImage, TreeOrImage, feature_trees, only_images
from .canvas import Drawing
from .painting import Mask, View, check_width, paint_cells
from .scenes import (
    Photograph,
    Scene,
    about_image,
    aspect,
    cells_inside,
    check_beside,
    image_names,
    label_cells,
    outlines,
    photograph_view,
)
from .sheet import draw_sheet

COMPONENTS = (1, 2, 3)
_RANGE = (1.0, 99.0)
"""The percentiles of a component that become dark and bright: few cells don't set the scale."""
_LEAST = np.finfo(np.float64).tiny


def joint_pca(
    inputs: Sequence[MapOrImage],
    descriptor: Descriptor | None = None,
    *,
    masks: Sequence[MaskLike | None] | None = None,
    components: Sequence[int] = COMPONENTS,
) -> list[xr.DataArray]:
    """Colours of the cells of each image: principal components as red, green and blue.

    One projection, fitted to the cells of all images, and one scale per component: equal colours
    mean like features, also across images. The scale goes from the 1st to the 99th percentile.
    Raises `IncomparableFeaturesError` or `InvalidFeaturesError` if the maps don't go together, or
    are none; `ImageError` for an image or a mask that can't be used; `OptionError` for images
    without a descriptor, and if `components` are not three numbers from 1 on.

    Args:
        inputs: Feature maps out of one `combine`, or images together with a descriptor.
        descriptor: What describes images.
        masks: One per image, of its size, or None. Only cells inside are projected, and shape the
            projection.
        components: Which components become red, green and blue, counted from 1.

    Returns:
        list of xarray.DataArray: Per image (y, x, rgb), float32 from 0 to 1, NaN outside its mask;
            `y` and `x` in pixels of the image. The attribute `explained_variance` holds the share
            of the variance of all cells that each of the three components has.
    """
    numbers = check_components(components)
    scene = Scene.of(inputs, descriptor, masks=masks)
    return pca_colors(scene.maps, scene.inside(), numbers)


def draw_pca(
    inputs: Sequence[MapOrImage],
    descriptor: Descriptor | None = None,
    *,
    images: Sequence[ImageLike] | None = None,
    masks: Sequence[MaskLike | None] | None = None,
    components: Sequence[int] = COMPONENTS,
    width: int = 1600,
    titles: bool = False,
) -> Drawing:
    """`joint_pca` as a picture, under the photographs.

    Takes and raises what `joint_pca` does. `images` are the photographs of feature maps, without
    which the colours stand alone; other images are an `OptionError`. The picture is `width` pixels
    wide, or narrower where it would be too tall; `titles` name the images.
    """
    check_width(width)
    numbers = check_components(components)
    scene = Scene.of(inputs, descriptor, images, masks)
    colors = pca_colors(scene.maps, scene.inside(), numbers)
    return scene.draw(cell_views(colors, scene.masks), width=width, titles=titles)


def check_components(components: Sequence[int]) -> tuple[int, int, int]:
    """The components, if they are three numbers; `OptionError` if not."""
    if isinstance(components, (str, bytes)) or len(components) != 3:
        raise OptionError(f"components must be three numbers, as in (1, 2, 3), not {components!r}")
    red, green, blue = (
        check_int("a number in components", one, minimum=1, maximum=4096) for one in components
    )
    return red, green, blue


def pca_colors(
    grids: Sequence[xr.DataArray], inside: Sequence[Mask], components: Sequence[int] = COMPONENTS
) -> list[xr.DataArray]:
    """The colours of grids (channel, y, x) of one space; `inside` says which cells count."""
    # Twice over the grids, which may be made as they are asked for: no two are held at once.
    moments = Moments()
    for grid, where in zip(grids, inside, strict=True):
        moments.add(_cells_of(grid, where))
    most = max(components)
    project, total = moments.projection(most), moments.total
    rows = []
    for grid, where in zip(grids, inside, strict=True):
        projected = project(_cells_of(grid, where))[:, :, 0].numpy()
        # A component that the features have no room for is 0.
        padded = np.pad(projected, ((0, max(most - len(projected), 0)), (0, 0)))
        rows.append(padded[[number - 1 for number in components]])
    ranges, shares = [], []
    for values in zip(*rows, strict=True):
        component = np.concatenate(values, dtype=np.float64)
        ranges.append(np.percentile(component, _RANGE))
        shares.append(float(component.var() * component.size / max(total, _LEAST)))
    low, high = np.array(ranges).T[:, :, None]
    varies = high > low
    colors = []
    for grid, where, own in zip(outlines(grids), inside, rows, strict=True):
        # From 0 to 1 between the ends of the range; the middle where a component doesn't vary.
        scaled = np.clip((own - low) / np.where(varies, high - low, 1), 0, 1)
        painted = np.full((*where.shape, 3), np.nan, dtype=np.float32)
        painted[where] = np.where(varies, scaled, 0.5).T
        labelled = label_cells(grid, painted, "colors", explained_variance=list(shares))
        colors.append(labelled.assign_coords(component=("rgb", list(components))))
    return colors


def cell_views(colors: Sequence[xr.DataArray], masks: Sequence[Mask | None]) -> list[View]:
    """What paints each grid of colours."""

    def view(grid: xr.DataArray, mask: Mask | None) -> View:
        return lambda height, width: paint_cells(grid, height=height, width=width, mask=mask)

    return [view(*both) for both in zip(colors, masks, strict=True)]


def _cells_of(grid: xr.DataArray, inside: Mask) -> torch.Tensor:
    """The cells of a grid that lie inside, as a grid of one column (channel, cell, 1)."""
    return as_tensor(np.ascontiguousarray(grid.values[:, inside]))[:, :, None]


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
    titles: bool = False,
) -> Drawing:
    """`layer_pca` as a picture: a row per layer, a column per image.

    Takes and raises what `layer_pca` does. `images` are the photographs of feature trees, for a row
    above; `width` and `titles` are those of `draw_pca`.
    """
    check_width(width)
    numbers = check_components(components)
    if images is None and (own := only_images(inputs)):
        inputs = images = [read_image(one) for one in own]
    trees = feature_trees(inputs, descriptor)
    photographs, cut = check_beside(images, masks, [tree.attrs for tree in trees])
    colors = layer_colors(trees, cut, numbers)
    return paint_layers(colors, photographs, cut, width=width, titles=titles)


def paint_layers(
    colors: Mapping[str, Sequence[xr.DataArray]],
    photographs: Sequence[Photograph] | None,
    masks: Sequence[Mask | None],
    *,
    width: int,
    titles: bool,
) -> Drawing:
    """The picture of the colours of some layers; see `draw_layers`."""
    rows = [cell_views(grids, masks) for grids in colors.values()]
    labels = [_label(path, grids) for path, grids in colors.items()]
    if photographs is not None:
        rows.insert(0, [photograph_view(image) for image in photographs])
        labels.insert(0, [])
    first = next(iter(colors.values()))
    names = image_names(first) if titles else ()
    aspects = [aspect(grid) for grid in first]
    return draw_sheet(rows, aspects, width=width, row_labels=labels, column_labels=names)


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
