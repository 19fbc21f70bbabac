"""What the files that descr writes say of themselves, without their features."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..combination.recipe import Part, basis_of, digest_of
from ..errors import FeatureFileError
from ..features.schema import check_attribute_types, check_features
from .forms import BASES, FEATURES, MAPS
from .groups import Array, Group
from .sealed import Contents, read_sealed

MAP_GROUP = "/map/cells"
MAP_ATTRIBUTES = {
    **dict.fromkeys(("image_name", "image_sha256", "descriptor", "basis"), str),
    **dict.fromkeys(("image_height", "image_width"), int),
}
_OWN = ("Conventions", "descr_map", "descr_version", "created", "channels", "lowest_cosine")
_MOST_CHANNELS = 1 << 20


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
        identity: The attribute `basis` of its maps; compared with the numbers of a file that is
            not one's own, as `Basis.load` does.
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
    with contents.guard():
        groups = feature_layers(contents)
    layers = []
    for path, group in groups.items():
        array = group.arrays["features"]
        layers.append(
            LayerInfo(
                path=path,
                shape=array.values.shape,
                dtype=str(array.values.dtype),
                rounded_bits=array.rounded_bits,
                attributes=group.attributes,
            )
        )
    return FeatureInfo(size=contents.size, attributes=contents.attributes, layers=tuple(layers))


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


def feature_layers(contents: Contents) -> dict[str, Group]:
    """The layers of a feature file, by "source/layer", once they agree with the schema."""
    layers, checkable = {}, {}
    for path, group in contents.groups.items():
        if path.count("/") == 2:
            layers[path[1:]] = group
            variables = {name: (one.dimensions, one.values) for name, one in group.arrays.items()}
            checkable[path[1:]] = group.attributes, variables
    check_features(contents.attributes, checkable, "the feature tree")
    return layers


def map_arrays(contents: Contents) -> tuple[Mapping[str, Array], dict[str, Any]]:
    """The arrays of a map, and its own attributes."""
    own = {key: value for key, value in contents.attributes.items() if key not in _OWN}
    check_attribute_types(own, MAP_ATTRIBUTES, "the feature map")
    arrays = contents.groups[MAP_GROUP].arrays
    if arrays["features"].values.ndim != 3:
        raise ValueError("features that are no map")
    return arrays, own


def map_labels(contents: Contents, channels: int) -> list[list[str]]:
    """The source and the layer of each of the channels of a map."""
    runs = json.loads(contents.attributes["channels"])
    # Before labels are made of them: a stranger's file may state any number.
    counts = [run[2] for run in runs]
    if min(counts, default=0) < 0 or sum(counts) != channels:
        raise ValueError("labels of other channels")
    if not all(isinstance(label, str) for run in runs for label in run[:2]):
        raise ValueError("labels that are no texts")
    return [[run[at] for run in runs for _ in range(run[2])] for at in (0, 1)]


def basis_contents(
    contents: Contents,
) -> tuple[dict[str, list[Part]], dict[str, tuple[Any, Any]], dict[str, dict[str, Any]], str]:
    """What a `Basis` is made of, with mean and axes in the place of each projection.

    The identity is compared with the numbers, where these are known.
    """
    about = json.loads(contents.attributes["contents"])
    layers = {str(path): dict(layer) for path, layer in about["layers"].items()}
    if not all(0 < layer["channels"] <= _MOST_CHANNELS for layer in layers.values()):
        raise ValueError("channels that no network has")
    recipe = {
        source: [
            Part.of(layers[f"{source}/{layer}"], components=components, weight=float(weight))
            for layer, components, weight in parts
        ]
        for source, parts in about["recipe"].items()
    }
    every = [part for parts in recipe.values() for part in parts]
    if sum(layers[part.path]["channels"] for part in every) > _MOST_CHANNELS:
        raise ValueError("channels that no networks have together")
    if len({part.path for part in every}) != len(every):
        raise ValueError("a layer twice")
    if not all(0 < part.weight < math.inf for part in every):
        raise ValueError("weights that no basis has")
    projections, digests, is_whole = {}, [], True
    for part in every:
        if part.components is None:
            continue
        arrays, channels = contents.groups[f"/{part.path}"].arrays, layers[part.path]["channels"]
        mean, axes = arrays["mean"].values, arrays["axes"].values
        shapes = (channels,), (channels, min(part.components, channels))
        if (mean.shape, axes.shape) != shapes or {mean.dtype.kind, axes.dtype.kind} != {"f"}:
            raise ValueError("a projection of another shape or type")
        projections[part.path] = mean, axes
        if arrays["axes"].is_outline:
            is_whole = False
        else:
            digests.append(digest_of(mean.astype(np.float32), axes.astype(np.float32)))
    if about["finest"] not in layers or not recipe or not all(recipe.values()):
        raise ValueError("no layer")
    if is_whole and basis_of(recipe, digests) != contents.attributes.get("identity"):
        raise FeatureFileError(
            f"{contents.path}: is damaged: its numbers are not those of its identity",
            hint=BASES.again,
        )
    return recipe, projections, layers, about["finest"]
