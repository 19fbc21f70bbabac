"""Two photographs in, their matches out: the whole way in one call."""

import xarray as xr

from ..descriptors import Descriptor, best_descriptor, create
from ..descriptors.features.maps import Points
from ..descriptors.image.masks import MaskLike
from ..descriptors.image.reading import ImageLike
from ..matchers import Matcher, to_matches
from ..matchers import create as create_matcher


def match_images(
    source: ImageLike,
    target: ImageLike,
    *,
    descriptor: Descriptor | str = "auto",
    matcher: Matcher | str = "mutual",
    points: Points | None = None,
    source_mask: MaskLike | None = None,
    target_mask: MaskLike | None = None,
) -> xr.Dataset:
    """The matches of two photographs, best first: `match_images("a.jpg", "b.jpg")`.

    Args:
        source, target: Images in any form that `read_image` takes.
        descriptor: A descriptor, or the name of one; `auto` takes the best whose weights are on
            this machine.
        matcher: A matcher, or the name of one.
        points: Pairs (x, y) in pixels of the upright source; every cell without them.
        source_mask, target_mask: As in `Matcher`.

    Returns:
        xarray.Dataset: Without points `source_x`, `source_y`, `target_x`, `target_y` (pixels of the
            upright images) and `score` along `match`, as `to_matches` gives them; with points what
            a matcher gives, in the order of the points.

    Raises:
        DescrError: An image, a mask or a point can't be used, a name is not known, or weights are
            missing.
    """
    if isinstance(descriptor, str):
        descriptor = create(best_descriptor() if descriptor == "auto" else descriptor)
    if isinstance(matcher, str):
        matcher = create_matcher(matcher)
    maps = descriptor(source, target)
    correspondences = matcher(
        *maps, points=points, source_mask=source_mask, target_mask=target_mask
    )
    return to_matches(correspondences) if points is None else correspondences
