"""What is to be compared: photographs, and feature files in their place."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console.errors import UserError, say
from .outputs import check_not_inputs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import xarray as xr

    from ...descriptors import Image

    Content = Image | xr.DataTree | xr.DataArray

_SIZE = "image_name", "image_height", "image_width"
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Input:
    """A photograph, or the features that were kept of one.

    `attributes` are name and size of the image, and what else the root of a feature file says;
    `folders` are where its photograph is looked for, besides where the file says and beside it.
    `content` is None where it is read again whenever it is asked for. With `has_map` the features
    are a map of a lasting basis.
    """

    path: Path
    content: "Content | None"
    attributes: Mapping[Any, Any]
    has_features: bool
    folders: Sequence[Path] = ()
    has_map: bool = False

    @property
    def tree(self) -> "xr.DataTree | None":
        """The feature tree; None for a photograph, and for a map."""
        return self._read() if self.has_features and not self.has_map else None

    @property
    def fmap(self) -> "xr.DataArray | None":
        """The feature map; None for a photograph, and for a tree."""
        return self._read() if self.has_map else None

    @property
    def place(self) -> Path:
        """Where the photograph lies; `UserError` if that of a feature file is not found."""
        return self._photograph[0] if self.has_features else self.path

    @property
    def image(self) -> "Image":
        """The pixels of the photograph; see `place`."""
        from ...descriptors import read_image

        path, image = self._photograph if self.has_features else (self.path, self._read())
        return read_image(path) if image is None else image

    @property
    def pixels(self) -> "npt.NDArray[np.uint8]":
        """Those of `image`, uint8 (height, width, 3)."""
        return self.image.pixels

    @property
    def name(self) -> str:
        """The base name of the image."""
        return str(self.attributes["image_name"])

    @property
    def height(self) -> int:
        """Rows of pixels of the upright image."""
        return int(self.attributes["image_height"])

    @property
    def width(self) -> int:
        """Columns of pixels of the upright image."""
        return int(self.attributes["image_width"])

    @property
    def title(self) -> str:
        """Name and size, as they are printed."""
        return f"{self.name} ({self.width} x {self.height})"

    def document(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        size = {"width": self.width, "height": self.height}
        return {"path": str(self.path), "image": self.name, **size}

    @cached_property
    def _photograph(self) -> "tuple[Path, Image | None]":
        """Where that of a feature file lies, with its pixels where contents are held."""
        from ...applications.exchange import find_photograph
        from ...descriptors.errors import ImageError

        try:
            path, image = find_photograph(self.path, self.attributes, self.folders)
        except ImageError as error:
            raise UserError(
                error.message, hint="name the folder that holds it with --images FOLDER"
            ) from error
        return path, None if self.content is None else image

    def _read(self) -> Any:
        if self.content is not None:
            return self.content
        content, attributes = _content(self.path, self.has_features)
        if any(attributes[key] != self.attributes[key] for key in _SIZE):
            raise UserError(f"{self.path} has changed meanwhile", hint="run it again")
        return content


def check_exist(paths: Sequence[Path]) -> None:
    """Raise `UserError` for a path without a regular file, before anything is loaded."""
    for path in paths:
        # The functions of os.path take a name that can't be one for a file that isn't there.
        if not os.path.exists(path):
            raise UserError(f"no such file: {path}")
        if not os.path.isfile(path):
            kind = "a folder" if os.path.isdir(path) else "not a regular file"
            raise UserError(f"{path} is {kind}", hint="give the path of one file")


def check_photographs(
    inputs: Sequence[Input], what: str, outputs: Sequence[Path] = (), *, instead: str | None = None
) -> None:
    """Raise `UserError` if the photograph of an input is not found, or an output overwrites it.

    `what` needs them, as "drawing" does; `instead` says what does without, as in "write .csv".
    """
    for one in inputs:
        try:
            path = one.place
        except UserError as error:
            output = f"{outputs[0]}: " if outputs else ""
            otherwise = f", or {instead}" if instead else ""
            raise UserError(
                f"{output}{what} needs the photographs, and there is {error.message}",
                hint=f"{error.hint}{otherwise}",
            ) from error
        check_not_inputs(outputs, [path])


def read_input(path: Path, folders: Sequence[Path] = ()) -> Input:
    """The photograph, the feature tree or the feature map at a path; see `Input` for `folders`."""
    if holds_features(path):
        content, attributes = _content(path, True)
        return Input(path, content, attributes, True, folders, has_map=hasattr(content, "dtype"))
    image = read_photograph(path)
    return Input(path, image, _size(image), False, folders)


def read_photograph(path: Path) -> "Image":
    """The image at a path; says on standard error if it is the first of several."""
    image: Image = _content(path, False)[0]
    if image.frames > 1:
        say(f"{path} has {image.frames} frames: the first is taken")
    return image


def content_bytes(content: "Content | None") -> int:
    """How much memory the pixels of an image, the layers of a tree or the cells of a map take."""
    from ...descriptors import Image
    from ...descriptors.features.tree import tree_layers

    if content is None or isinstance(content, Image):
        return 0 if content is None else content.pixels.nbytes
    import xarray as xr

    if isinstance(content, xr.DataArray):
        return content.nbytes
    return sum(layer.nbytes for layer in tree_layers(content).values())


def holds_features(path: Path) -> bool:
    """Whether a path names a feature file, by its suffix or by how it begins."""
    if not os.path.isfile(path):
        return False
    if path.suffix.lower() == ".nc":
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(_HDF5_SIGNATURE)) == _HDF5_SIGNATURE
    except OSError:
        return False


def _content(path: Path, has_features: bool) -> tuple[Any, Mapping[Any, Any]]:
    """The image, the feature tree or the feature map at a path, and its attributes."""
    if has_features:
        # Loads the NetCDF library, which photographs don't need.
        from ...descriptors.store import load_any

        features = load_any(path)
        return features, features.attrs
    from ...descriptors import read_image

    image = read_image(path)
    return image, _size(image)


def _size(image: "Image") -> dict[str, Any]:
    return dict(zip(_SIZE, (image.name, image.height, image.width), strict=True))
