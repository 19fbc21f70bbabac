"""What is to be matched: photographs, and feature files in their place."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UserError, say

if TYPE_CHECKING:
    import xarray as xr

    from ..descriptors import Descriptor, Image
    from .choice import Made

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, eq=False)
class Input:
    """One side of a match: a photograph, or the features that were kept of one.

    Exactly one of `image` and `tree` is given.
    """

    path: Path
    image: "Image | None"
    tree: "xr.DataTree | None"

    @property
    def name(self) -> str:
        """The base name of the image."""
        return self.image.name if self.image else str(self._attributes["image_name"])

    @property
    def height(self) -> int:
        """Rows of pixels of the upright image."""
        return self.image.height if self.image else int(self._attributes["image_height"])

    @property
    def width(self) -> int:
        """Columns of pixels of the upright image."""
        return self.image.width if self.image else int(self._attributes["image_width"])

    @property
    def title(self) -> str:
        """Name and size, as they are printed."""
        return f"{self.name} ({self.width} x {self.height})"

    def document(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        return {
            "path": str(self.path),
            "image": self.name,
            "width": self.width,
            "height": self.height,
        }

    @property
    def _attributes(self) -> dict[Any, Any]:
        return {} if self.tree is None else self.tree.attrs


def check_exist(paths: Sequence[Path]) -> None:
    """Raise `UserError` for a path at which there is no file, before anything is loaded."""
    for path in paths:
        # The functions of os.path take a name that can't be one for a file that isn't there.
        if not os.path.exists(path):
            raise UserError(f"no such file: {path}")
        if os.path.isdir(path):
            raise UserError(f"{path} is a folder", hint="give the path of one file")


def read_input(path: Path) -> Input:
    """The photograph or the feature tree at a path."""
    if holds_features(path):
        # Loads the NetCDF library, which photographs don't need.
        from ..descriptors.files import load_features

        return Input(path, None, load_features(path))
    return Input(path, read_photograph(path), None)


def read_photograph(path: Path) -> "Image":
    """The image at a path; says on standard error if it is the first of several."""
    from ..descriptors import read_image

    image = read_image(path)
    if image.frames > 1:
        say(f"{path} has {image.frames} frames: the first is taken")
    return image


def holds_features(path: Path) -> bool:
    """Whether a path names a feature file, by its suffix or by how it begins."""
    if path.suffix.lower() == ".nc":
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(_HDF5_SIGNATURE)) == _HDF5_SIGNATURE
    except OSError:
        return False


def extract_missing(
    inputs: Sequence[Input], descriptor: "Made[Descriptor] | None"
) -> "list[xr.DataTree]":
    """The feature trees of all inputs; those of photographs are extracted together."""
    images = [one.image for one in inputs if one.image is not None]
    extracted: Iterator[xr.DataTree] = iter(())
    if descriptor is not None and images:
        with descriptor.at_work():
            extracted = iter(descriptor.made.extract(images))
    return [one.tree if one.tree is not None else next(extracted) for one in inputs]


def images_in(paths: Sequence[Path]) -> list[Path]:
    """The images that the paths name: files as they are, and those that lie in folders, sorted.

    Raises `UserError` for a folder that holds none, or can't be read.
    """
    found: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        try:
            listed = sorted(path.iterdir())
        except OSError as error:
            raise UserError(f"cannot read the folder {path}: {error.strerror}") from error
        inside = [
            file
            for file in listed
            if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")
        ]
        if not inside:
            raise UserError(
                f"the folder {path} holds no image",
                hint=f"images are files that end in {', '.join(IMAGE_SUFFIXES)}",
            )
        found += inside
    return found
