"""Instance swap: what one object looks like, in the shape and pose of another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Descriptor, Image, read_image
from ...descriptors.errors import ImageError, IncomparableFeaturesError, OptionError
from ...descriptors.features.tensors import FeatureMap
from ...descriptors.image.masks import MaskLike, read_mask
from ...descriptors.image.reading import ImageLike
from ...descriptors.runtime.memory import check_fits
from ...matchers import Matcher
from ..feature_maps import feature_maps, image_size
from ..flow import warp
from ..resolution import Resolution
from .blending import Blend, blend_into, extend_instance, overhang, reduction, without_detail
from .correspondence import SwapOptions, instance_flow

if TYPE_CHECKING:
    from .refinement import Refinement, Refiner

_PER_SOURCE, _PER_TARGET = 60, 24
"""Bytes that a pixel takes: displacements in float64 with what is derived from them; and the
coefficients that colours are read from, with copies of the colours."""
_CERTAIN = 0.6
"""The share of it that every swap takes, whatever the masks and however far the flow leads."""

_VARIABLES = {
    "flow_x": {"units": "pixel", "long_name": "displacement to the right, to the colour's place"},
    "flow_y": {"units": "pixel", "long_name": "displacement down, to the colour's place"},
    "score": {"units": "1", "long_name": "cosine similarity of the match"},
    "filled": {"long_name": "whether the correspondence is that of the neighbours"},
}


def swap_instances(
    source: ImageLike,
    target: ImageLike,
    *,
    source_mask: MaskLike | None,
    target_mask: MaskLike | None,
    descriptor: Descriptor | None = None,
    maps: Sequence[xr.DataArray | FeatureMap] | None = None,
    matcher: Matcher | None = None,
    cells: Resolution | None = None,
    max_consistency: float | None = None,
    min_score: float | None = None,
    smoothness: float = 2.0,
    blend: Blend = "feather",
    blend_width: float | None = None,
    refine: "Refinement | None" = None,
) -> xr.Dataset:
    """The source image with its instance in the appearance of the target's instance.

    Every pixel of the source's mask takes the colour of the place in the target's mask that it
    corresponds to, read between the pixels of the target at full resolution. Matches that don't
    hold are replaced by what their neighbours inside the instance agree on; a part that the target
    doesn't show continues it as its mirror image. Outside the mask the source stays as it is.
    Raises `ImageError` for an image or a mask that can't be used; `NothingMatchedError` if no place
    of the source's instance has a match that holds; `WeightsNotFoundError` if the weights for the
    refinement are not on this machine; `OptionError` if a setting is out of range, or there are
    neither maps nor a descriptor; `IncomparableFeaturesError` or `InvalidFeaturesError` if the maps
    can't be compared, or are not those of the images.

    Args:
        source, target: Images: paths, PIL images or arrays (height, width[, 3]). Their sizes may
            differ.
        source_mask, target_mask: Where the instances are, of the size of their image, as in
            `Matcher`; None for the image as a whole.
        descriptor: What describes the images; with maps only `refine` uses it, for its weights.
        maps: The feature maps of source and target, out of one `combine`.
        matcher: Any matcher; `SoftArgmax(window=1)` by default, which answers between the cells.
        cells: The resolution that features are matched at, as in `dense_flow`.
        max_consistency: Matches whose way there and back misses its start by more pixels are not
            used; None for three cells, of the image in which the instance has fewer.
        min_score: Matches with a lower cosine are not used; None to use them all.
        smoothness: Details of the correspondence shorter than about six times this many cells are
            smoothed away, and matches that stand against their neighbours are dropped. At 0 every
            match that is used stays as it is.
        blend: How the swapped pixels meet the rest at the border of the mask: `feather` fades them
            in; `poisson` keeps their gradients and shifts their colours until they continue the
            surroundings, whose tint the instance takes on; `none` leaves them as they are.
        blend_width: How far the blend reaches into the mask, in pixels; None for a hundredth of the
            size of the instance for a feather, and for all of it with `poisson`.
        refine: What redraws the instance with Stable Diffusion in the end.

    Returns:
        xarray.Dataset: Over (y, x), pixels of the source: `image`, uint8 (y, x, rgb); `flow_x` and
            `flow_y`, displacement in pixels to where the colour was read, and `score`, cosine of
            the match, float32, NaN where there is none; `filled`, bool, where the correspondence
            is that of the neighbours.
    """
    options = SwapOptions(
        matcher=matcher,
        cells=cells,
        max_consistency=max_consistency,
        min_score=min_score,
        smoothness=smoothness,
        blend=blend,
        blend_width=blend_width,
        refine=refine,
    )
    pair = _Pair.of((source, target), (source_mask, target_mask), options, descriptor, maps)
    return pair.swap()


def swap_both(
    source: ImageLike,
    target: ImageLike,
    *,
    source_mask: MaskLike | None,
    target_mask: MaskLike | None,
    descriptor: Descriptor | None = None,
    maps: Sequence[xr.DataArray | FeatureMap] | None = None,
    matcher: Matcher | None = None,
    cells: Resolution | None = None,
    max_consistency: float | None = None,
    min_score: float | None = None,
    smoothness: float = 2.0,
    blend: Blend = "feather",
    blend_width: float | None = None,
    refine: "Refinement | None" = None,
) -> tuple[xr.Dataset, xr.Dataset]:
    """The source with the target's appearance, and the target with the source's.

    What two calls of `swap_instances` give, with features extracted and weights loaded once. Takes
    and raises what that does.
    """
    options = SwapOptions(
        matcher=matcher,
        cells=cells,
        max_consistency=max_consistency,
        min_score=min_score,
        smoothness=smoothness,
        blend=blend,
        blend_width=blend_width,
        refine=refine,
    )
    pair = _Pair.of((source, target), (source_mask, target_mask), options, descriptor, maps)
    return pair.swap(), pair.reverse().swap()


def swap_memory(source: tuple[int, int], target: tuple[int, int]) -> int:
    """About how many bytes a swap of images of these sizes (height, width) takes beside the maps.

    Raises `OutOfMemoryError` if more than is free is certainly needed.
    """
    size = _PER_SOURCE * math.prod(source) + _PER_TARGET * math.prod(target)
    what = "a swap of images of " + " and ".join(f"{w} x {h} pixels" for h, w in (source, target))
    check_fits(round(_CERTAIN * size), what, "give smaller images")
    return size


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two images with their instances and features, and how they are to be swapped."""

    images: tuple[Image, Image]
    masks: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]
    maps: tuple[xr.DataArray, xr.DataArray]
    options: SwapOptions
    refiner: "Refiner | None"

    @classmethod
    def of(
        cls,
        images: tuple[ImageLike, ImageLike],
        masks: tuple[MaskLike | None, MaskLike | None],
        options: SwapOptions,
        descriptor: Descriptor | None,
        maps: Sequence[xr.DataArray | FeatureMap] | None,
    ) -> "_Pair":
        """The pair read and checked; what can fail early does so before features are extracted."""
        pair = read_image(images[0]), read_image(images[1])
        instances = _instance(masks[0], pair[0], "source"), _instance(masks[1], pair[1], "target")
        refiner = None if options.refine is None else options.refine.prepare(descriptor)
        a, b = feature_maps(pair, descriptor) if maps is None else _check_maps(maps, pair)
        return cls(pair, instances, (a, b), options, refiner)

    def reverse(self) -> "_Pair":
        """The same pair the other way round."""
        images, masks, maps = self.images[::-1], self.masks[::-1], self.maps[::-1]
        return replace(self, images=images, masks=masks, maps=maps)

    def swap(self) -> xr.Dataset:
        """The source with the appearance of the target."""
        options, mask = self.options, self.masks[0]
        flow = instance_flow(self.maps, self.masks, options)
        own, other = (image.pixels for image in self.images)
        margin = overhang(flow.x, flow.y, *other.shape[:2])
        other = extend_instance(other, self.masks[1], margin=margin)
        other = without_detail(other, reduction(flow.x, flow.y))
        other = warp(other, flow.dataset(margin), fill=(0, 0, 0))
        picture = blend_into(own, other, mask, blend=options.blend, width=options.blend_width)
        if self.refiner is not None:
            picture = self.refiner(picture, mask)
        x, y = (np.where(mask, part, np.nan).astype(np.float32) for part in (flow.x, flow.y))
        values = zip(_VARIABLES.items(), (x, y, flow.score, flow.filled), strict=True)
        sides = {key: flow.about[key] for key in flow.about if key[:7] in ("source_", "target_")}
        return xr.Dataset(
            {
                "image": (("y", "x", "rgb"), picture, {"long_name": "the swapped image"}),
                **{name: (("y", "x"), value, about) for (name, about), value in values},
            },
            coords={**flow.dataset().coords, "rgb": ["red", "green", "blue"]},
            attrs={**sides, "matcher": flow.about["matcher"], "blend": options.blend},
        )


def _instance(mask: MaskLike | None, image: Image, role: str) -> npt.NDArray[np.bool_]:
    pixels = read_mask(mask, height=image.height, width=image.width, name=f"{role} mask")
    if not pixels.any():
        hint = "it must be true where the instance is"
        raise ImageError(f"the {role} mask of {image.name} is empty", hint=hint)
    return pixels


def _check_maps(
    maps: Sequence[xr.DataArray | FeatureMap], images: tuple[Image, Image]
) -> list[xr.DataArray]:
    """The maps, if there is one for each image."""
    if len(maps) != 2 or not all(isinstance(one, (xr.DataArray, FeatureMap)) for one in maps):
        raise OptionError("maps must be the two feature maps of source and target")
    pair = feature_maps(maps)
    for one, image in zip(pair, images, strict=True):
        height, width = image_size(one)
        if (height, width) != (image.height, image.width):
            raise IncomparableFeaturesError(
                f"the map of {one.attrs['image_name']} is of an image of {width} x {height} "
                f"pixels, but {image.name} is {image.width} x {image.height}",
                hint="give the maps in the order of the images, and in their size",
            )
    return pair
