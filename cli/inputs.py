"""What is to be matched: photographs, and feature files in their place."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UserError, say
from .outputs import check_not_inputs
from .photographs import find_photograph

if TYPE_CHECKING:
    import xarray as xr

    from ..descriptors import Image

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Input:
    """One side of a match: a photograph, or the features that were kept of one.

    Exactly one of `picture` and `tree` is not None; `folders` are where the photograph of a feature
    file is looked for, besides where the file says and beside it.
    """

    path: Path
    picture: "Image | None"
    tree: "xr.DataTree | None"
    folders: Sequence[Path] = ()

    @cached_property
    def photograph(self) -> "tuple[Path, Image]":
        """Where the photograph lies, and its pixels.

        Raises `UserError` if that of a feature file is not found; see `find_photograph`.
        """
        if self.picture is not None:
            return self.path, self.picture
        return find_photograph(self.path, self._attributes, self.folders)

    @property
    def image(self) -> "Image":
        """The pixels of the photograph; see `photograph`."""
        return self.photograph[1]

    @property
    def name(self) -> str:
        """The base name of the image."""
        return self.picture.name if self.picture else str(self._attributes["image_name"])

    @property
    def height(self) -> int:
        """Rows of pixels of the upright image."""
        return self.picture.height if self.picture else int(self._attributes["image_height"])

    @property
    def width(self) -> int:
        """Columns of pixels of the upright image."""
        return self.picture.width if self.picture else int(self._attributes["image_width"])

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


def check_photographs(
    inputs: Sequence[Input], what: str, outputs: Sequence[Path] = (), *, instead: str | None = None
) -> None:
    """Raise `UserError` if the photograph of an input is not found, or an output overwrites it.

    `what` needs them, as "drawing" does; `instead` says what does without, as in "write .csv".
    """
    for one in inputs:
        try:
            path, _ = one.photograph
        except UserError as error:
            output = f"{outputs[0]}: " if outputs else ""
            otherwise = f", or {instead}" if instead else ""
            raise UserError(
                f"{output}{what} needs the photographs, and there is {error.message}",
                hint=f"{error.hint}{otherwise}",
            ) from error
        check_not_inputs(outputs, [path])


def read_input(path: Path, folders: Sequence[Path] = ()) -> Input:
    """The photograph or the feature tree at a path; see `Input` for `folders`."""
    if holds_features(path):
        # Loads the NetCDF library, which photographs don't need.
        from ..descriptors.files import load_features

        return Input(path, None, load_features(path), folders)
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
