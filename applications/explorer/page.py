"""One file that shows where places of an image are in others: `explore(...).save("pair.html")`."""

import html
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import xarray as xr

from ...descriptors import Descriptor
from ...descriptors.errors import OptionError
from ...descriptors.features.grids import Grid, as_tensor, at_cells, unit_length
from ...descriptors.image.masks import MaskLike
from ...descriptors.image.reading import ImageLike
from ...descriptors.runtime.atomic import whole_file
from ...descriptors.runtime.memory import check_fits
from ...descriptors.settings import check_int
from ...matchers import Matcher, MutualNearestNeighbor, NearestNeighbor, SoftArgmax
from ..feature_maps import MapOrImage
from ..pictures import Scene, pca_colors
from ..pictures.palette import CLUSTER_COLORS
from .features import ALL, PackedFeatures, loss_rows, measure_loss, pack_features, source_parts
from .text import page_text

if TYPE_CHECKING:
    from .widget import Explorer

COMPONENTS = 256
"""Components of a source, at most: more lose hardly less, and take time in every frame."""
MOST_IMAGES = 12
_ROOM = 4_000_000, 512
"""Bytes of an image's features, and components of all sources, at most: a pair of 60 x 60 cells
stays below 12 MB, and an image is compared within a frame."""
_SIDE, _QUALITY, _PHOTOGRAPH = 1280, 85, 400_000
"""Longest side of a photograph in the page, its quality as JPEG, and its bytes at most."""
_HEIGHT = 680  # of a cell of a notebook, in pixels of the screen
_REST = 500_000  # bytes of the scripts, of false colours and of tables
_COPIES = 5
"""How many times the features are held: as they are, and in float64 while they are packed."""
COLOR_MAPS = {
    "inferno": cv2.COLORMAP_INFERNO,
    "magma": cv2.COLORMAP_MAGMA,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "turbo": cv2.COLORMAP_TURBO,
}
_MATCHERS: dict[type[Matcher], tuple[str, tuple[str, ...]]] = {
    NearestNeighbor: ("nearest", ()),
    MutualNearestNeighbor: ("mutual", ("tolerance",)),
    SoftArgmax: ("soft-argmax", ("temperature", "window")),
}
MATCHER_NAMES = tuple(name for name, _ in _MATCHERS.values())


@dataclass(frozen=True, eq=False, repr=False)
class Page:
    """A page for a browser, whole in one text.

    Args:
        html: The text: it holds all that it shows and asks for nothing else.
        features: What it computes with; `features.maps()` gives a matcher the same.
        loss: How far that is from the maps: see `measure_loss`.
    """

    html: str
    features: PackedFeatures
    loss: xr.Dataset

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all; `OutputError` if it can't be written."""
        with whole_file(path) as target:
            target.write_text(self.html, encoding="utf-8", newline="\n")

    @property
    def title(self) -> str:
        """The names of the images."""
        return " · ".join(str(one.attrs["image_name"]) for one in self.features.outlines)

    def widget(
        self,
        points: Sequence[Mapping[str, Any]] = (),
        *,
        settings: Mapping[str, Any] | None = None,
        height: int = _HEIGHT,
    ) -> "Explorer":
        """The page in a cell of a notebook, with traits that Python reads, sets and observes.

        Args:
            points: Pins to begin with: mappings with `image` (its place among the images), `x` and
                `y` (pixels of the upright image), and perhaps `name` and `targets`.
            settings: What controls begin with, by name: see `Explorer`.
            height: Of the cell, in pixels of the screen.

        Raises:
            OptionError: A point or a setting that the page can't show; or anywidget, which the
                extra `notebook` brings, is not installed.
        """
        from .widget import Explorer

        return Explorer(self, points=list(points), settings=dict(settings or {}), height=height)

    def __repr__(self) -> str:
        return f"Page of {self.title}"

    def _repr_html_(self) -> str:
        """The page in a cell of a notebook, live without Python, too."""
        # Without an origin of its own the page reaches nothing of the notebook around it.
        return (
            f'<iframe sandbox="allow-scripts allow-downloads" title="{html.escape(self.title)}" '
            f'style="display: block; width: 100%; height: {_HEIGHT}px; border: 0" '
            f'srcdoc="{html.escape(self.html)}"></iframe>'
        )


def explore(
    inputs: Sequence[MapOrImage],
    descriptor: Descriptor | None = None,
    *,
    images: Sequence[ImageLike] | None = None,
    masks: Sequence[MaskLike | None] | None = None,
    components: int = COMPONENTS,
    matcher: Matcher | None = None,
) -> Page:
    """A page in which one points at a place of an image, and sees where it is in the others.

    It is one HTML file that needs neither a server nor a network. It holds the images, made smaller
    where they are large, and their features with fewer components and in 8 bits: at most 12 MB for
    two images of 60 x 60 cells.

    Args:
        inputs: Feature maps (channel, y, x) out of one `combine`, or images together with a
            descriptor; from 2 to 12.
        descriptor: What describes images.
        images: The photographs of feature maps, in their order.
        masks: One per image, of its size, or None. Matches are sought inside.
        components: Of each source, at most; fewer where the file would be too large.
        matcher: What the page begins with: `NearestNeighbor()` by default, or one of
            `MutualNearestNeighbor` and `SoftArgmax`; with a margin over 2 cells if it states none.

    Raises:
        OptionError: Too few images or too many, or without their photographs; a matcher that a page
            can't compute; images without a descriptor.
        IncomparableFeaturesError, InvalidFeaturesError: The maps don't go together, or are none.
        ImageError: An image or a mask can't be used.
        OutOfMemoryError: There is no room for the features.
    """
    check_int("components", components, minimum=1)
    check_count(len(inputs))
    beginning = check_matcher(NearestNeighbor() if matcher is None else matcher)
    scene = Scene.of(inputs, descriptor, images, masks)
    if scene.photographs is None:
        raise OptionError("a page needs the photographs", hint="give them as images=[...]")
    maps = list(scene.maps)
    hint = "take fewer images, or larger cells"
    check_fits(page_memory(maps), f"a page of {len(maps)} images", hint)
    features = pack_features(maps, _components(maps, components))
    loss = measure_loss(maps, features)
    inside = scene.inside()
    views = {name: _part(maps, channels) for name, channels in features.parts.items()}
    if len(views) > 1:
        views[ALL] = maps
    blocks = dict(_features(features))
    for view, grids in enumerate(views.values()):
        for place, colors in enumerate(pca_colors(grids, inside)):
            painted = np.nan_to_num(colors.values, nan=0.925) * 255
            blocks[f"pca-{view}-{place}"] = np.rint(painted).astype(np.uint8).tobytes()
    described = []
    for place, (fmap, image, mask) in enumerate(
        zip(maps, scene.photographs, scene.masks, strict=True)
    ):
        blocks[f"photograph-{place}"] = _photograph(image.pixels)
        if mask is not None:
            blocks[f"mask-{place}"] = _mask_picture(mask)
            blocks[f"inside-{place}"] = at_cells(mask, Grid.of(fmap)).astype(np.uint8).tobytes()
        described.append(
            {
                "name": str(fmap.attrs["image_name"]),
                "width": int(fmap.attrs["image_width"]),
                "height": int(fmap.attrs["image_height"]),
                "x": fmap["x"].values.tolist(),
                "y": fmap["y"].values.tolist(),
                "mask": mask is not None,
            }
        )
    for name, number in COLOR_MAPS.items():
        table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], number)
        blocks[f"colors-{name}"] = table[:, 0, ::-1].tobytes()
    document = {
        "descriptor": str(maps[0].attrs.get("descriptor", "")),
        "images": described,
        "sources": [
            {"name": name, "share": share, "components": count}
            for name, share, count in zip(
                features.sources, features.shares, features.components, strict=True
            )
        ],
        "colors": list(COLOR_MAPS),
        "pins": [f"#{bytes(color).hex()}" for color in CLUSTER_COLORS],
        "loss": loss_rows(loss),
        "matcher": beginning,
    }
    return Page(page_text(document, blocks), features, loss)


def page_memory(maps: Sequence[xr.DataArray]) -> int:
    """How many bytes of memory `explore` takes at most for feature maps."""
    return _COPIES * sum(one.nbytes for one in maps)


def page_size(maps: Sequence[xr.DataArray], components: int = COMPONENTS) -> int:
    """How many bytes the page of feature maps has at most, without masks."""
    cells = sum(_cells(one) for one in maps)
    return (cells * sum(_components(maps, components)) + len(maps) * _PHOTOGRAPH) * 4 // 3 + _REST


def check_count(count: int) -> None:
    """Raise `OptionError` for a number of images that a page doesn't show."""
    if not 2 <= count <= MOST_IMAGES:
        raise OptionError(
            f"a page shows 2 to {MOST_IMAGES} images, not {count}",
            hint="give an image and those to compare it with",
        )


def check_matcher(matcher: Matcher) -> dict[str, Any]:
    """The name and the settings of a matcher; `OptionError` for one that a page can't compute."""
    # Not a class derived of one, which may match otherwise.
    name, settings = _MATCHERS.get(type(matcher), ("", ()))
    if not name:
        raise OptionError(
            f"a page can't compute {matcher!r}", hint="take nearest, mutual or soft-argmax"
        )
    return {"name": name, **{one: getattr(matcher, one) for one in (*settings, "margin")}}


def share_components(channels: Sequence[int], cells: int, most: int) -> list[int]:
    """How many components each source has, none more than `most` or than its channels.

    `cells` are those of the largest image: so many components of them have room.
    """
    room = max(len(channels), min(_ROOM[0] // cells, _ROOM[1]))
    while sum(min(one, most) for one in channels) > room and most > 1:
        most -= 1
    return [min(one, most) for one in channels]


def _components(maps: Sequence[xr.DataArray], most: int) -> list[int]:
    """How many components each part of the maps has in a page."""
    sizes = [len(channels) for channels in source_parts(maps).values()]
    return share_components(sizes, max(map(_cells, maps)), most)


def _cells(fmap: xr.DataArray) -> int:
    return fmap.sizes["y"] * fmap.sizes["x"]


def _part(maps: Sequence[xr.DataArray], channels: npt.NDArray[np.intp]) -> list[xr.DataArray]:
    """Some channels of the maps, with cells of unit length."""
    parts = [one.isel(channel=channels) for one in maps]
    return [one.copy(data=unit_length(as_tensor(one.values)).numpy()) for one in parts]


def _features(features: PackedFeatures) -> Iterator[tuple[str, bytes]]:
    for source, part in enumerate(features.cells):
        for image, cells in enumerate(part):
            yield f"features-{source}-{image}", cells.tobytes()


def _photograph(pixels: npt.NDArray[np.uint8]) -> bytes:
    """An image as JPEG, made smaller until it is small enough."""
    picture, side = PIL.Image.fromarray(pixels), _SIDE
    while True:
        smaller = picture.copy()
        smaller.thumbnail((side, side), PIL.Image.Resampling.LANCZOS)
        file = io.BytesIO()
        smaller.save(file, "JPEG", quality=_QUALITY, optimize=True)
        if file.tell() <= _PHOTOGRAPH or side < 64:
            return file.getvalue()
        side = round(0.85 * max(smaller.size))


def _mask_picture(mask: npt.NDArray[np.bool_]) -> bytes:
    """A mask as PNG, white inside, at the size of its image."""
    file = io.BytesIO()
    PIL.Image.fromarray(mask).save(file, "PNG", optimize=True)
    return file.getvalue()
