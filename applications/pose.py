"""Adaptive pose alignment: the source or its mirror image, whichever is nearer to the target.

Objects that face opposite ways mislead features: the left eye of one cat looks like the right eye
of the other. Zhang et al., "Telling Left from Right: Identifying Geometry-Aware Semantic
Correspondence" (CVPR 2024), section 4.1, mirror the source where that brings it nearer; here the
part that needs no training, with the distance over mutual neighbours, which needs no masks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ..descriptors import FeatureMap, Image, read_image
from ..descriptors.errors import IncomparableFeaturesError, OptionError
from ..descriptors.features.maps import check_comparable
from ..descriptors.image.masks import MaskLike
from ..descriptors.image.reading import ImageLike
from ..matchers import Cells, Matcher, MutualNearestNeighbor
from .feature_maps import as_feature_map
from .masks import mask_of


@dataclass(frozen=True)
class PoseAlignment:
    """Which of the two images of the source is nearer to the target.

    Args:
        mirrored: Whether the mirror image is; at equal distances the source is taken as it is.
        distance, mirrored_distance: Mean distance of mutual neighbours, between unit vectors (0 to
            2), of the source as it is and of its mirror image; infinite where there are none.
    """

    mirrored: bool
    distance: float
    mirrored_distance: float


def align_pose(
    source: xr.DataArray | FeatureMap,
    mirror: xr.DataArray | FeatureMap,
    target: xr.DataArray | FeatureMap,
    *,
    source_mask: MaskLike | None = None,
    target_mask: MaskLike | None = None,
    matcher: Matcher | None = None,
) -> PoseAlignment:
    """Whether the source or its mirror image is nearer to the target.

    Args:
        source, mirror, target: Feature maps of the source, of `mirror_image(source)` and of the
            target, in either form, of one basis. A map turned around is none of the mirror image,
            which networks see with other eyes.
        source_mask, target_mask: Where the objects are, as in `Matcher`.
        matcher: `MutualNearestNeighbor()` by default. Its scores are cosines.

    Raises:
        InvalidFeaturesError, IncomparableFeaturesError, ImageError: As a matcher does; the mirror
            image is not of the size of the source.
    """
    matcher = MutualNearestNeighbor() if matcher is None else matcher
    own, mirrored = as_feature_map(source, "source map"), as_feature_map(mirror, "mirror map")
    check_comparable(own, mirrored)
    sizes = [f"{one.attrs['image_width']} x {one.attrs['image_height']}" for one in (own, mirrored)]
    if sizes[0] != sizes[1]:
        raise IncomparableFeaturesError(
            f"the mirror image is {sizes[1]} pixels, its source {sizes[0]}",
            hint="describe mirror_image(source)",
        )
    mirror_mask: MaskLike | None = None
    if source_mask is not None:
        source_mask = mask_of(own.attrs, source_mask, "source mask")
        mirror_mask = np.ascontiguousarray(source_mask[:, ::-1])
    distances = []
    for fmap, mask in ((own, source_mask), (mirrored, mirror_mask)):
        answers = matcher(fmap, target, source_mask=mask, target_mask=target_mask)
        distances.append(mean_distance(answers["score"].values[answers["matched"].values]))
    return PoseAlignment(distances[1] < distances[0], *distances)


def align_cells(
    source: Cells, mirror: Cells, target: Cells, matcher: Matcher | None = None
) -> PoseAlignment:
    """`align_pose` for the cells of three maps, inside their masks, as matchers work on them."""
    matcher = MutualNearestNeighbor() if matcher is None else matcher
    distances = []
    for cells in (source, mirror):
        partners = matcher.match(cells, cells, target)
        score = partners.score.cpu()
        if partners.matched is not None:
            score = score[partners.matched.cpu().to(torch.bool)]
        distances.append(mean_distance(score.numpy()))
    return PoseAlignment(distances[1] < distances[0], *distances)


def mean_distance(cosines: npt.ArrayLike) -> float:
    """The mean distance between unit vectors with these cosines, 0 to 2; infinite without any."""
    values = np.clip(np.asarray(cosines, dtype=np.float64), -1.0, 1.0)
    if not values.size:
        return math.inf
    return float(np.sqrt(2 - 2 * values).mean())


def mirror_image(image: ImageLike) -> Image:
    """The mirror image, left and right exchanged, under the name of the image."""
    upright = read_image(image)
    return Image(np.ascontiguousarray(upright.pixels[:, ::-1]), upright.name)


def mirror_points(points: npt.ArrayLike, width: int) -> npt.NDArray[np.float64]:
    """Where the points (..., 2) of an image of this width lie in its mirror image.

    x becomes width - 1 - x, y stays; NaN stays NaN.
    """
    at = np.array(points, dtype=np.float64)
    if at.shape[-1:] != (2,):
        raise OptionError(f"points have the shape {at.shape}, expected (..., 2)")
    at[..., 0] = width - 1 - at[..., 0]
    return at


def points_in_mirror(
    points: npt.ArrayLike,
    width: int,
    counterparts: Sequence[int] | None,
    *,
    accept_mirrored_parts: bool = False,
) -> npt.NDArray[np.float64]:
    """Where to look in the mirror image for what each point of the source is: float64 (point, 2).

    In the mirror image the right ear stands where a left ear would. Each point is therefore looked
    for where its counterpart is mirrored to, so that left stays left; where the counterpart is not
    visible it is NaN, and the point is best looked for in the source as it is. As in the code of
    Zhang et al., an evaluation counts a point as visible if both images show it.

    Args:
        points: (point, 2), x and y in pixels of the source, NaN where a point is not visible: for
            an evaluation, where it is not in `Pair.common`.
        width: Of the source, in pixels.
        counterparts: For each point the one that takes its place in the mirror image, as
            `Pair.mirrored`; a point on the axis is its own. None where the data set doesn't say.
        accept_mirrored_parts: Without counterparts, mirror each point on its own: what is found for
            the left ear may then be the right one.

    Raises `OptionError`: there are no counterparts, and mirrored parts are not accepted; they are
    not one for each point, or not mutual.
    """
    at = mirror_points(points, width)
    if at.ndim != 2:
        raise OptionError(f"points have the shape {at.shape}, expected (point, 2)")
    if counterparts is None:
        if not accept_mirrored_parts:
            raise OptionError(
                "the data set doesn't say which points are left and right of each other, so "
                "that a mirrored source would mix them up",
                hint="go without pose alignment, or accept mirrored parts where left and right "
                "may be exchanged",
            )
        return at
    order = np.asarray(counterparts)
    count = len(at)
    mutual = (
        order.shape == (count,)
        and order.dtype.kind in "iu"
        and bool(((order >= 0) & (order < count)).all())
        and np.array_equal(order[order], np.arange(count))
    )
    if count and not mutual:
        raise OptionError(
            f"counterparts must be one of {count} places for each of {count} points, mutually, "
            f"not {list(counterparts)}",
            hint="a point that is its own counterpart lists itself",
        )
    visible = np.isfinite(at).all(axis=1, keepdims=True)
    return np.where(visible, at[order.astype(np.intp)] if count else at, np.nan)
