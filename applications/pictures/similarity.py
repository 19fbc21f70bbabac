"""How like a point of one image each place of others is, as heat maps."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Descriptor, sample_features
from ...descriptors.features.maps import Points
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_float
from ..feature_maps import MapOrImage
from .canvas import BLACK, CASING, WHITE, Canvas, Drawing
from .legend import with_color_bar
from .letters import text_size
from .painting import (
    NEUTRAL,
    Picture,
    View,
    check_width,
)
from .palette import score_colors
from .scenes import OPACITY, Scene, label_cells, outlines, paint_over, photograph_view
from .sheet import draw_sheet

_MARK = 1 / 70  # radius of a point, as a share of the root of the area of its photograph


def point_similarity(
    inputs: Sequence[MapOrImage],
    points: Points,
    descriptor: Descriptor | None = None,
    *,
    masks: Sequence[MaskLike | None] | None = None,
) -> list[xr.DataArray]:
    """The cosine of each cell of each image with points of the first.

    Raises as `joint_pca` does, and `PointError` for a point outside the first image.

    Args:
        inputs, descriptor, masks: As in `joint_pca`.
        points: Pairs (x, y) in pixels of the first image.

    Returns:
        list of xarray.DataArray: Per image (point, y, x), float32 from -1 to 1, NaN outside its
            mask; `y` and `x` in pixels of the image.
    """
    return similarity_maps(Scene.of(inputs, descriptor, masks=masks), points)


def similarity_maps(scene: Scene, points: Points) -> list[xr.DataArray]:
    """The cosines of the images of a scene; see `point_similarity`."""
    inside = scene.inside()
    features: xr.DataArray | None = None
    cosines = []
    for fmap, where in zip(scene.maps, inside, strict=True):
        if features is None:
            features = sample_features(fmap, points)
        values = np.einsum("cp,cyx->pyx", features.values, fmap.values)
        values[:, ~where] = np.nan
        rows = [label_cells(fmap, one, "cosine") for one in values]
        cosines.append(xr.concat(rows, "point", combine_attrs="override"))
    return cosines


def best_places(cosines: xr.DataArray) -> npt.NDArray[np.float64]:
    """The most similar cell of an image for each point, (point, 3): its x and y, and its cosine."""
    values = cosines.values.reshape(len(cosines), -1)
    best = np.nanargmax(values, axis=1)
    rows, columns = np.unravel_index(best, cosines.shape[1:])
    score = np.take_along_axis(values, best[:, None], axis=1)[:, 0]
    return np.stack([cosines["x"].values[columns], cosines["y"].values[rows], score], axis=1)


def draw_similarity(
    inputs: Sequence[MapOrImage],
    points: Points,
    descriptor: Descriptor | None = None,
    *,
    images: Sequence[ImageLike] | None = None,
    masks: Sequence[MaskLike | None] | None = None,
    opacity: float = OPACITY,
    width: int = 1600,
    titles: bool = False,
) -> Drawing:
    """`point_similarity` as a picture: a row per point, which is marked in the first image.

    The other images lie beside it under the colours of their cosines, each with a ring around its
    most similar cell; a single image lies beside itself. A bar beneath says what the colours, which
    are the same in all rows, stand for.
    Takes and raises what `point_similarity` does, and `images` and `width` as `draw_pca` does.
    `opacity` is that of the colours, from 0 to 1; `titles` name the images.
    """
    check_width(width)
    check_float("opacity", opacity, minimum=0, maximum=1)
    scene = Scene.of(inputs, descriptor, images, masks)
    return paint_similarity(
        similarity_maps(scene, points), points, scene, opacity=opacity, width=width, titles=titles
    )


def paint_similarity(
    cosines: Sequence[xr.DataArray],
    points: Points,
    scene: Scene,
    *,
    width: int,
    titles: bool,
    opacity: float = OPACITY,
) -> Drawing:
    """The picture of the cosines of a scene; see `draw_similarity`."""
    first = outlines(scene.maps)[0]
    shown = list(range(1, len(cosines))) or [0]
    low = min(float(cosines[place].min()) for place in shown)
    high = max(float(cosines[place].max()) for place in shown)
    photograph = photograph_view(scene.photographs[0]) if scene.photographs else _grey
    best = {place: best_places(cosines[place]) for place in shown}
    rows: list[list[View]] = []
    for row, point in enumerate(np.asarray(points, dtype=float)):
        colors = [
            label_cells(grid[row], _colors(grid.values[row], low, high), "colors")
            for grid in cosines
        ]
        heat = scene.views(paint_over, colors, opacity)
        rows.append([partial(_marked, photograph, first, point, hollow=False)])
        for place in shown:
            at = best[place][row, :2]
            rows[-1].append(partial(_marked, heat[place], colors[place], at, hollow=True))
    aspects, names = scene.aspects, scene.titles
    order = [0, *shown]
    sheet = draw_sheet(
        rows,
        [aspects[place] for place in order],
        width=width,
        column_labels=[names[place] for place in order] if titles else (),
    )
    return with_color_bar(sheet, "cosine", low, high, text_size(sheet.shape[1]))


def _colors(values: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.float32]:
    colors = score_colors(np.nan_to_num(values), low, high) / np.float32(255)
    colors[np.isnan(values)] = np.nan
    return np.asarray(colors, dtype=np.float32)


def _grey(height: int, width: int) -> Picture:
    return np.full((height, width, 3), NEUTRAL, np.uint8)


def _marked(
    view: View,
    grid: xr.DataArray,
    point: npt.NDArray[np.float64],
    height: int,
    width: int,
    *,
    hollow: bool,
) -> Drawing:
    """A view of the image of a grid with a point of it marked by a dot, or a ring."""
    scale = width / grid.attrs["image_width"], height / grid.attrs["image_height"]
    place = (point + 0.5) * scale - 0.5
    radius = max(2.5, (height * width) ** 0.5 * _MARK)
    canvas = Canvas(view(height, width), [], [])
    if hollow:
        canvas.circle(place, BLACK, radius, 0.75 * radius, CASING)
        canvas.circle(place, WHITE, radius, 0.4 * radius)
    else:
        canvas.dot(place, (213, 94, 0), 0.8 * radius, 1.15 * radius, 1.4 * radius)
    return canvas.finish()
