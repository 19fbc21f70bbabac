"""Where each place of one image lies in another, as colours."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Descriptor
from ...descriptors.errors import OptionError
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_float
from ...matchers import Matcher, NearestNeighbor
from ..feature_maps import MapOrImage
from ..resolution import window
from .canvas import Drawing
from .painting import Mask, check_width
from .palette import plane_colors
from .scenes import OPACITY, Scene, label_cells, paint_over


def correspondence_colors(
    source: MapOrImage,
    target: MapOrImage,
    descriptor: Descriptor | None = None,
    *,
    matcher: Matcher | None = None,
    source_mask: MaskLike | None = None,
    target_mask: MaskLike | None = None,
) -> tuple[xr.DataArray, xr.DataArray]:
    """The source coloured by position, and the target by where each cell matches in the source.

    Each cell of the target is matched to the source, so that the target is covered; equal colours
    are places that correspond. Blue turns to yellow from left to right, light to dark from top to
    bottom, over the source or over the box around its mask. Raises as `joint_pca` does.

    Args:
        source, target: Feature maps out of one `combine`, or images together with a descriptor.
        descriptor: What describes images.
        matcher: Any matcher; the nearest neighbour by default.
        source_mask, target_mask: Of the sizes of the images. Only cells inside are matched.

    Returns:
        tuple of xarray.DataArray: Of source and target: (y, x, rgb), float32 from 0 to 1, NaN
            outside the mask and where there is no match; `y` and `x` in pixels of the image. The
            attribute `matched` of the second is the share of its cells (inside the mask) with a
            match.
    """
    scene = Scene.of([source, target], descriptor, masks=[source_mask, target_mask])
    return place_colors(scene, matcher)


def draw_correspondence_map(
    source: MapOrImage,
    target: MapOrImage,
    descriptor: Descriptor | None = None,
    *,
    matcher: Matcher | None = None,
    images: Sequence[ImageLike] | None = None,
    source_mask: MaskLike | None = None,
    target_mask: MaskLike | None = None,
    opacity: float = OPACITY,
    width: int = 1600,
    titles: bool = False,
) -> Drawing:
    """`correspondence_colors` as a picture, under the photographs.

    The colours, of an opacity from 0 to 1, lie over what is light and dark in the photographs.
    `titles` name source and target. Takes and raises what `correspondence_colors` does, and
    `images` and `width` as `draw_pca` does.
    """
    check_width(width)
    check_float("opacity", opacity, minimum=0, maximum=1)
    scene = Scene.of([source, target], descriptor, images, [source_mask, target_mask])
    colors = place_colors(scene, matcher)
    return paint_places(colors, scene, opacity=opacity, width=width, titles=titles)


def place_colors(scene: Scene, matcher: Matcher | None = None) -> tuple[xr.DataArray, xr.DataArray]:
    """The colours of a scene of two images; see `correspondence_colors`."""
    if len(scene.maps) != 2:
        raise OptionError(f"a correspondence map needs two images, not {len(scene.maps)}")
    source, target = scene.maps
    source_mask, target_mask = scene.masks
    source_cells, target_cells = scene.inside()
    matcher = matcher or NearestNeighbor()
    match = matcher(target, source, source_mask=target_mask, target_mask=source_mask)
    matched = match["matched"].values
    # The colours stretch over the mask, whose pixels reach half a pixel beyond their centres.
    whole = np.ones((source.attrs["image_height"], source.attrs["image_width"]), dtype=bool)
    extent = window(whole if source_mask is None else source_mask)
    own = np.meshgrid(source["y"].values, source["x"].values, indexing="ij")
    of_source = _at(own[1], own[0], source_cells, extent)
    of_target = _at(match["target_x"].values, match["target_y"].values, matched, extent)
    share = float(matched.sum() / target_cells.sum())
    colors = label_cells(target, of_target, "colors", matched=share)
    return label_cells(source, of_source, "colors"), colors


def paint_places(
    colors: Sequence[xr.DataArray],
    scene: Scene,
    *,
    width: int,
    titles: bool,
    opacity: float = OPACITY,
) -> Drawing:
    """The picture of the colours of a scene; see `draw_correspondence_map`."""
    views = scene.views(paint_over, colors, opacity)
    return scene.draw(views, width=width, titles=titles, roles=True)


def _at(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], which: Mask, extent: tuple[slice, slice]
) -> npt.NDArray[np.float32]:
    """The colours of places of the source, NaN where they don't count."""
    colors = np.full((*which.shape, 3), np.nan, dtype=np.float32)
    down, across = (
        (at[which] - (side.start - 0.5)) / (side.stop - side.start)
        for at, side in zip((y, x), extent, strict=True)
    )
    colors[which] = plane_colors(across, down) / np.float32(255)
    return colors
