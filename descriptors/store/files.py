"""Feature files: feature trees kept as NetCDF-4, one group per layer."""

import os
from contextlib import suppress
from pathlib import Path

import xarray as xr

from ..features.schema import IMAGE_PATH
from ..features.tree import check_tree
from .forms import FEATURES, MAPS
from .info import feature_layers
from .layout import groups_to_tree, tree_to_groups
from .netcdf import write_sealed
from .sealed import Contents, read_sealed


def save_features(
    tree: xr.DataTree,
    path: str | os.PathLike[str],
    *,
    lossless: bool = False,
    image_path: str | os.PathLike[str] | None = None,
) -> None:
    """Write a feature tree to a file, whole or not at all.

    Args:
        tree: A feature tree, as `extract` gives it: groups `/<source>/<layer>` with float32
            `features` (channel, y, x) and the attributes of the schema.
        path: The file to write; what is there is replaced in one step at the end.
        lossless: Keep every bit of the features, instead of 10 bits of mantissa, which moves no
            value by more than 2^-11 of itself (below 2^-126: of 2^-126) for two thirds of the size.
        image_path: The file of the photograph, by which commands find the pixels for drawings: the
            root attribute `image_path` keeps the way there from the folder of the feature file.

    Raises:
        InvalidFeaturesError: The tree breaks the schema, or holds what a file has no place for.
        OutputError: The file can't be written.
    """
    check_tree(tree)
    tree = tree.copy(deep=False)
    # What a loaded tree has recorded holds from the folder of the file that it was loaded from.
    tree.attrs.pop(IMAGE_PATH, None)
    way = None if image_path is None else way_to(image_path, path)
    if way is not None:
        tree.attrs[IMAGE_PATH] = way
    write_sealed(path, tree_to_groups(tree), FEATURES, lossless=lossless)


def load_features(path: str | os.PathLike[str]) -> xr.DataTree:
    """Return the feature tree that a file holds, all in memory, the file closed.

    A file that this user wrote is checked byte by byte before it is read. Any other is read in
    another process, since it can be made to bring down the process that reads it, or to take any
    time and memory; no other file is read for it.

    Raises `FeatureFileError` if there is no such file, or if it is not a feature file, has another
    schema, was cut off or altered, or breaks the schema.
    """
    return to_tree(read_sealed(path, FEATURES))


def load_any(path: str | os.PathLike[str]) -> xr.DataTree | xr.DataArray:
    """The feature tree or the feature map that a file holds: `load_features` or `load_map`."""
    contents = read_sealed(path, FEATURES, MAPS)
    if contents.form is MAPS:
        from .maps import to_map

        return to_map(contents).to_xarray()
    return to_tree(contents)


def way_to(image_path: str | os.PathLike[str], path: str | os.PathLike[str]) -> str | None:
    """The way from a file to a photograph; None where no text can say it."""
    image, folder = Path(image_path), os.path.dirname(os.path.realpath(path))
    # It lies on another drive, or its name is no valid text.
    with suppress(ValueError):
        way = Path(os.path.relpath(Path(os.path.realpath(image.parent), image.name), folder))
        return way.as_posix().encode().decode()
    return None


def follow(way: object, path: str | os.PathLike[str]) -> str | None:
    """Where the way from a file leads, as an absolute path; None for what is no relative one.

    A feature file may come from anywhere: no other path than a relative one is taken from it.
    """
    if not isinstance(way, str) or Path(way).anchor:
        return None
    return os.path.normpath(Path(os.path.realpath(path)).parent / way)


def to_tree(contents: Contents) -> xr.DataTree:
    """The feature tree that a feature file holds."""
    with contents.guard():
        feature_layers(contents)
        return groups_to_tree(contents.groups.values())
