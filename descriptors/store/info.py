"""What the files that descr writes say of themselves, without their features."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ..features.tree import tree_layers
from .bases import basis_contents
from .files import to_tree
from .forms import BASES, FEATURES, MAPS
from .maps import map_arrays
from .sealed import Contents, read_sealed


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


@dataclass(frozen=True, kw_only=True)
class MapInfo:
    """What a feature map file says of itself.

    Attributes:
        size: Of the file, in bytes.
        attributes: Those of the map: of the image, of the descriptor, and `basis`.
        shape: Channels, rows, columns.
        lowest_cosine: Of a cell with what the file keeps of it; 1 where nothing is lost.
    """

    size: int
    attributes: Mapping[str, Any]
    shape: tuple[int, ...]
    lowest_cosine: float


@dataclass(frozen=True, kw_only=True)
class BasisInfo:
    """What a file of a basis says of itself.

    Attributes:
        size: Of the file, in bytes.
        identity: The attribute `basis` of its maps; not compared with the numbers of the file.
        channels: Of a map.
        layers: To how many channels the basis brings each layer, by "source/layer".
    """

    size: int
    identity: str
    channels: int
    layers: Mapping[str, int]


FileInfo: TypeAlias = FeatureInfo | MapInfo | BasisInfo


def read_info(path: str | os.PathLike[str]) -> FileInfo:
    """What a file of any kind says of itself; see `read_feature_info`.

    Raises `ForeignFileError`, as for a feature file, for what is none of them.
    """
    contents = read_sealed(path, FEATURES, MAPS, BASES, values=False)
    if contents.form is BASES:
        return _of_basis(contents)
    return _of_map(contents) if contents.form is MAPS else _of_features(contents)


def read_feature_info(path: str | os.PathLike[str]) -> FeatureInfo:
    """Return what a file says of its image and its layers, without decoding the features.

    Checks all that `load_features` checks but the values of features in files that descr did not
    write, and raises the same errors.
    """
    return _of_features(read_sealed(path, FEATURES, values=False))


def read_map_info(path: str | os.PathLike[str]) -> MapInfo:
    """What a file says of its map, without the features; raises what `load_map` does."""
    return _of_map(read_sealed(path, MAPS, values=False))


def _of_features(contents: Contents) -> FeatureInfo:
    tree = to_tree(contents)
    layers = []
    for path, layer in tree_layers(tree).items():
        array = contents.groups[f"/{path}"].arrays["features"]
        layers.append(
            LayerInfo(
                path=path,
                shape=array.values.shape,
                dtype=str(array.values.dtype),
                rounded_bits=array.rounded_bits,
                attributes=cast(Mapping[str, Any], layer.attrs),
            )
        )
    attributes = cast(Mapping[str, Any], tree.attrs)
    return FeatureInfo(size=contents.size, attributes=attributes, layers=tuple(layers))


def _of_map(contents: Contents) -> MapInfo:
    with contents.guard():
        arrays, attributes = map_arrays(contents)
        lowest = float(contents.attributes["lowest_cosine"])
        if not -1 <= lowest <= 1:
            raise ValueError("no cosine")
        return MapInfo(
            size=contents.size,
            attributes=attributes,
            shape=arrays["features"].values.shape,
            lowest_cosine=lowest,
        )


def _of_basis(contents: Contents) -> BasisInfo:
    with contents.guard():
        recipe, projections, layers, _ = basis_contents(contents)
        channels = {path: int(layer["channels"]) for path, layer in layers.items()}
        channels |= {path: axes.shape[1] for path, (_, axes) in projections.items()}
        return BasisInfo(
            size=contents.size,
            identity=str(contents.attributes["identity"]),
            channels=sum(channels[part.path] for parts in recipe.values() for part in parts),
            layers=channels,
        )
