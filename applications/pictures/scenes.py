"""Feature maps with the photographs and masks beside them: what pictures of features show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Self, TypeAlias

import numpy.typing as npt
import xarray as xr

from ...descriptors import Descriptor, Image, read_image
from ...descriptors.combination.combine import CombinedMaps
from ...descriptors.errors import OptionError
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ..feature_maps import MapOrImage, feature_maps, only_images
from ..masks import cells_in_mask, mask_of
from .canvas import Drawing
from .painting import (
    Mask,
    Picture,
    View,
    cut_out,
    paint_cells,
    resize_photograph,
    tint_photograph,
)
from .sheet import draw_gallery, draw_sheet

OPACITY = 0.7
"""The share of colours that lie over a photograph."""


class Photograph(Protocol):
    """What is seen beside features: pixels, which may be read whenever they are asked for."""

    @property
    def pixels(self) -> Picture:
        """uint8 (height, width, 3)."""


Paint: TypeAlias = Callable[
    [xr.DataArray, Photograph | None, Mask | None, float, int, int], Picture
]
"""What draws values over the cells of an image, with an opacity, at a height and a width."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Images that are seen together: their feature maps, mutually comparable.

    `photographs` are None where only features are there; a mask is bool (height, width), None for
    the whole image.
    """

    maps: Sequence[xr.DataArray]
    photographs: Sequence[Photograph] | None
    masks: list[Mask | None]

    @classmethod
    def of(
        cls,
        inputs: Sequence[MapOrImage],
        descriptor: Descriptor | None,
        images: Sequence[ImageLike] | None = None,
        masks: Sequence[MaskLike | None] | None = None,
    ) -> Self:
        """The scene of feature maps, or of images that the descriptor makes maps of.

        `images` are the photographs of maps. Raises as `feature_maps` does; `OptionError` where
        images or masks are not as many as the inputs, or an image is not that of its map;
        `ImageError` for a mask that can't be used.
        """
        if len(inputs) == 0:
            raise OptionError("no image given")
        if images is None and (own := only_images(inputs)):
            inputs = images = [read_image(one) for one in own]
        maps = feature_maps(inputs, descriptor)
        return cls(maps, *check_beside(images, masks, [fmap.attrs for fmap in maps]))

    @property
    def aspects(self) -> list[float]:
        """The width of each image as a multiple of its height."""
        return [aspect(fmap) for fmap in outlines(self.maps)]

    def views(self, paint: Paint, grids: Sequence[xr.DataArray], opacity: float) -> list[View]:
        """What paints the grid of each image, with its photograph, if any, and its mask."""
        nothing: Sequence[Photograph | None] = [None] * len(grids)
        each = zip(grids, self.photographs or nothing, self.masks, strict=True)
        return [partial(paint, *one, opacity) for one in each]

    def inside(self) -> list[Mask]:
        """Which cells of each map lie in its mask, bool (y, x); `ImageError` if none does."""
        return [cells_inside(*both) for both in zip(outlines(self.maps), self.masks, strict=True)]

    def draw(
        self, views: Sequence[View], *, width: int, titles: bool, roles: bool = False
    ) -> Drawing:
        """One view per image, each under its photograph; a single one beside it.

        `titles` name the images above them, and with `roles` say which is the source.
        """
        names = [] if not titles else self.titles if roles else image_names(self.maps)
        photographs = [photograph_view(image) for image in self.photographs or ()]
        aspects = self.aspects
        if len(views) == 1:
            row = [*photographs, *views]
            labels = [*names, ""][: len(row)] if names else ()
            return draw_sheet([row], aspects * len(row), width=width, column_labels=labels)
        parts = [part for part in (photographs, views) if part]
        return draw_gallery(parts, aspects, width=width, titles=[(name,) for name in names])

    @property
    def titles(self) -> list[str]:
        """The names of the images, of which the first is the source, the others targets."""
        names = enumerate(image_names(self.maps))
        return [f"{'target' if place else 'source'}: {name}" for place, name in names]


def aspect(grid: xr.DataArray) -> float:
    """The width of the image that a grid is of, as a multiple of its height."""
    return float(grid.attrs["image_width"] / grid.attrs["image_height"])


def outlines(maps: Sequence[xr.DataArray]) -> Sequence[xr.DataArray]:
    """The maps for what their grids and attributes say: without channels where these take work."""
    return maps.outlines if isinstance(maps, CombinedMaps) else maps


def image_names(maps: Sequence[xr.DataArray]) -> list[str]:
    """The names of the images that maps or grids are of."""
    return [str(grid.attrs["image_name"]) for grid in outlines(maps)]


def about_image(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Which image features are of: its name and size."""
    return {key: attributes[key] for key in ("image_name", "image_height", "image_width")}


def label_cells(
    fmap: xr.DataArray, values: npt.NDArray[Any], name: str, **about: Any
) -> xr.DataArray:
    """Values (y, x) or colours (y, x, rgb) of the cells of a map, with its coordinates."""
    coordinates = {"y": fmap["y"], "x": fmap["x"], "rgb": ["red", "green", "blue"]}
    dims = ("y", "x", "rgb")[: values.ndim]
    return xr.DataArray(
        values,
        dims=dims,
        coords={dim: coordinates[dim] for dim in dims},
        attrs={**about_image(fmap.attrs), **about},
        name=name,
    )


def cells_inside(fmap: xr.DataArray, mask: Mask | None) -> Mask:
    """Which cells lie in the mask, bool (y, x); all without one. `ImageError` if none does."""
    return cells_in_mask(mask, fmap, name=f"the mask of {fmap.attrs['image_name']}")


def check_beside(
    images: Sequence[ImageLike] | None,
    masks: Sequence[MaskLike | None] | None,
    attributes: Sequence[Mapping[Any, Any]],
) -> tuple[list[Image] | None, list[Mask | None]]:
    """Photographs, read, and masks, bool (height, width), of the images of some features.

    Raises `OptionError` unless there is one for each image, and each photograph has its size.
    """
    count = len(attributes)
    masks = [None] * count if masks is None else masks
    if images is not None and len(images) != count:
        raise OptionError(f"the features are of {count} images, and images has {len(images)}")
    photographs = None if images is None else [read_image(image) for image in images]
    for image, of in zip(photographs or (), attributes, strict=False):
        if (image.height, image.width) != (of["image_height"], of["image_width"]):
            raise OptionError(
                f"{image.name} is {image.width} x {image.height} pixels, but the features are "
                f"those of {of['image_name']}, {of['image_width']} x {of['image_height']}",
                hint="give the images that the features were made of, in the same order",
            )
    if len(masks) != count:
        raise OptionError(
            f"{len(masks)} masks for {count} images",
            hint="give one per image, None for an image without a mask",
        )
    return photographs, [
        None if mask is None else mask_of(of, mask, f"the mask of {of['image_name']}")
        for mask, of in zip(masks, attributes, strict=True)
    ]


def paint_over(
    colors: xr.DataArray,
    image: Photograph | None,
    mask: Mask | None,
    opacity: float,
    height: int,
    width: int,
) -> Picture:
    """The colours of cells (y, x, rgb) over the photograph; alone where there is none."""
    picture = paint_cells(colors, height=height, width=width, mask=mask)
    if image is None:
        return picture
    picture = tint_photograph(image.pixels, picture, opacity)
    return picture if mask is None else cut_out(picture, mask)


def photograph_view(image: Photograph) -> View:
    """The photograph itself."""
    return lambda height, width: resize_photograph(image.pixels, height, width)
