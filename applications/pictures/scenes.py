"""Feature maps with the photographs and masks beside them: what pictures of features show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Descriptor, Image, read_image, read_mask
from ...descriptors.combination.combine import CombinedMaps
from ...descriptors.errors import OptionError
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ..feature_maps import MapOrImage, feature_maps, only_images
from ..masks import cells_in_mask
from .overlay import resize_photograph
from .painting import Mask, Picture
from .sheet import View, arrange, draw_sheet, draw_sheets


class Photograph(Protocol):
    """What is seen beside features: pixels, which may be read whenever they are asked for."""

    @property
    def pixels(self) -> Picture:
        """uint8 (height, width, 3)."""


Paint: TypeAlias = Callable[[xr.DataArray, Photograph | None, Mask | None, int, int], Picture]
"""What draws values over the cells of an image, at a height and a width."""


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
        attributes = [fmap.attrs for fmap in maps]
        photographs = check_photographs(images, attributes)
        return cls(maps, photographs, check_masks(masks, attributes))

    @property
    def aspects(self) -> list[float]:
        """The width of each image as a multiple of its height."""
        return [
            fmap.attrs["image_width"] / fmap.attrs["image_height"] for fmap in outlines(self.maps)
        ]

    @property
    def backgrounds(self) -> Sequence[Photograph | None]:
        """The photograph of each image, None where there is none."""
        return [None] * len(self.maps) if self.photographs is None else self.photographs

    def views(self, paint: Paint, grids: Sequence[xr.DataArray]) -> list[View]:
        """What paints the grid of each image, with its photograph and its mask."""
        each = zip(grids, self.backgrounds, self.masks, strict=True)
        return [partial(paint, *one) for one in each]

    def inside(self) -> list[Mask]:
        """Which cells of each map lie in its mask, bool (y, x); `ImageError` if none does."""
        return [cells_inside(*both) for both in zip(outlines(self.maps), self.masks, strict=True)]

    def draw(self, views: Sequence[View], width: int) -> Picture:
        """One view per image, each under its photograph; a single one beside it."""
        photographs = [photograph_view(image) for image in self.photographs or ()]
        if len(views) == 1:
            row = [*photographs, *views]
            return draw_sheet([row], self.aspects * len(row), width=width)
        aspects = self.aspects
        lines = arrange(aspects)
        sums = [sum(aspects[place] for place in line) for line in lines]
        return draw_sheets(
            [
                [[part[place] for place in line] for part in (photographs, views) if part]
                for line in lines
            ],
            [[aspects[place] for place in line] for line in lines],
            widths=[round(width * total / max(sums)) for total in sums],
        )


def outlines(maps: Sequence[xr.DataArray]) -> Sequence[xr.DataArray]:
    """The maps for what their grids and attributes say: without channels where these take work."""
    return maps.outlines if isinstance(maps, CombinedMaps) else maps


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
    if mask is None:
        return np.ones((fmap.sizes["y"], fmap.sizes["x"]), dtype=bool)
    return cells_in_mask(mask, fmap, name=f"the mask of {fmap.attrs['image_name']}")


def check_photographs(
    images: Sequence[ImageLike] | None, attributes: Sequence[dict[Any, Any]]
) -> list[Image] | None:
    """The images, read; `OptionError` unless they are those that the features are of."""
    if images is None:
        return None
    if len(images) != len(attributes):
        raise OptionError(f"{len(images)} images for the features of {len(attributes)}")
    read = [read_image(image) for image in images]
    for image, of in zip(read, attributes, strict=True):
        if (image.height, image.width) != (of["image_height"], of["image_width"]):
            raise OptionError(
                f"{image.name} is {image.width} x {image.height} pixels, but the features are "
                f"those of {of['image_name']}, {of['image_width']} x {of['image_height']}",
                hint="give the images that the features were made of, in the same order",
            )
    return read


def check_masks(
    masks: Sequence[MaskLike | None] | None, attributes: Sequence[dict[Any, Any]]
) -> list[Mask | None]:
    """The masks as bool arrays of the sizes of their images, None for an image without one."""
    if masks is None:
        return [None] * len(attributes)
    if len(masks) != len(attributes):
        raise OptionError(
            f"{len(masks)} masks for {len(attributes)} images",
            hint="give one per image, None for an image without a mask",
        )
    return [
        None
        if mask is None
        else read_mask(
            mask,
            height=of["image_height"],
            width=of["image_width"],
            name=f"the mask of {of['image_name']}",
        )
        for mask, of in zip(masks, attributes, strict=True)
    ]


def photograph_view(image: Photograph) -> View:
    """The photograph itself."""
    return lambda height, width: resize_photograph(image.pixels, height, width)
