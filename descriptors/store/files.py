"""Feature files: feature trees kept as NetCDF-4, one group per layer."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import xarray as xr

from ..errors import FeatureFileError, InvalidFeaturesError
from ..features.tree import IMAGE_PATH, SCHEMA, check_tree, tree_layers
from .hdf5 import Group, Schema
from .layout import groups_to_tree, tree_to_groups
from .sealed import Form, read_sealed, write_sealed

FEATURES = Form(
    "feature file",
    Schema("descr_schema", SCHEMA, ("features", "y", "x")),
    make="make a feature file with `descr extract` or save_features",
    again="extract it again",
)


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """What a feature file says of one layer.

    Attributes:
        path: "source/layer".
        shape: Channels, rows, columns.
        dtype: The type of the features.
        rounded_bits: To how many bits of mantissa they were rounded; None for not at all.
        attributes: Those of the layer's group.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    rounded_bits: int | None
    attributes: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FeatureInfo:
    """What a feature file says of itself: see `read_feature_info`.

    Attributes:
        size: Of the file, in bytes.
        attributes: Those of the root: of the image, of the descriptor, of the schema.
        layers: In order.
    """

    size: int
    attributes: Mapping[str, Any]
    layers: tuple[LayerInfo, ...]


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
    way = None if image_path is None else _way(image_path, path)
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
    return _to_tree(path, read_sealed(path, FEATURES)[0])


def read_feature_info(path: str | os.PathLike[str]) -> FeatureInfo:
    """Return what a file says of its image and its layers, without decoding the features.

    Checks all that `load_features` checks but the values of features in files that descr did not
    write, and raises the same errors.
    """
    groups, size = read_sealed(path, FEATURES, values=False)
    tree = _to_tree(path, groups)
    by_path = {group.path[1:]: group for group in groups}
    return FeatureInfo(
        size=size,
        attributes=cast(Mapping[str, Any], tree.attrs),
        layers=tuple(
            LayerInfo(
                path=layer,
                shape=node["features"].shape,
                dtype=str(node["features"].dtype),
                rounded_bits=by_path[layer].arrays["features"].rounded_bits,
                attributes=cast(Mapping[str, Any], node.attrs),
            )
            for layer, node in tree_layers(tree).items()
        ),
    )


def _way(image_path: str | os.PathLike[str], path: str | os.PathLike[str]) -> str | None:
    """The way from a file to a photograph; None where no text can say it."""
    image, folder = Path(image_path), os.path.dirname(os.path.realpath(path))
    # It lies on another drive, or its name is no valid text.
    with suppress(ValueError):
        way = Path(os.path.relpath(Path(os.path.realpath(image.parent), image.name), folder))
        return way.as_posix().encode().decode()
    return None


def _to_tree(path: str | os.PathLike[str], groups: list[Group]) -> xr.DataTree:
    try:
        tree = groups_to_tree(groups, os.fspath(path))
        check_tree(tree, os.fspath(path))
    except InvalidFeaturesError as error:
        raise FeatureFileError(error.message, hint=error.hint or FEATURES.again) from error
    return tree
