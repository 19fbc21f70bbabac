"""How a feature tree lies in a file: its groups and arrays, and what has no place there."""

import reprlib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..errors import InvalidFeaturesError
from ..features.tree import tree_layers
from .groups import Array, Group

ARRAYS = ("features", "y", "x")

# NetCDF allows 256 bytes, on which the HDF5 library fails.
_NAME_BYTES = 255


def tree_to_groups(tree: xr.DataTree) -> list[Group]:
    """The groups of the file of a valid feature tree, parents first.

    Raises `InvalidFeaturesError` if the tree holds what would not come back as it was: other
    variables or deeper groups, attributes that are no text, integers or floats, names that NetCDF
    doesn't allow.
    """
    _check_variables(tree.dataset.variables, "the root", allowed=())
    groups = [Group("/", attributes_to_keep(tree.attrs, "the root"))]
    layers = tree_layers(tree)
    for source, node in tree.children.items():
        _check_name(source, "source")
        # Coordinates that a source gives to all of its layers are written with each of them.
        _check_variables(node.dataset.variables, f"source {source}", allowed=("y", "x"))
        if not node.children:
            raise InvalidFeaturesError(f"source {source} has no layer")
        groups.append(Group(f"/{source}", attributes_to_keep(node.attrs, f"source {source}")))
        for layer, inner in node.children.items():
            _check_name(layer, "layer")
            if inner.children:
                raise InvalidFeaturesError(f"layer {source}/{layer} has groups inside of it")
            groups.append(_layer_group(f"{source}/{layer}", layers[f"{source}/{layer}"]))
    return groups


def groups_to_nodes(groups: Iterable[Group]) -> dict[str, xr.Dataset]:
    """The nodes of the tree whose groups these are, which agree with the schema, by path."""
    nodes = {}
    for group in groups:
        variables = {
            name: xr.Variable(array.dimensions, array.values, dict(array.attributes))
            for name, array in group.arrays.items()
        }
        nodes[group.path] = xr.Dataset(variables, attrs=group.attributes)
    return nodes


def groups_to_tree(groups: Iterable[Group]) -> xr.DataTree:
    """The tree of these groups."""
    return xr.DataTree.from_dict(groups_to_nodes(groups))


def _layer_group(path: str, layer: xr.Dataset) -> Group:
    _check_variables(layer.variables, f"layer {path}", allowed=ARRAYS)
    arrays = {name: _array(layer[name], f"{name} of layer {path}") for name in ARRAYS}
    return Group(f"/{path}", attributes_to_keep(layer.attrs, f"layer {path}"), arrays)


def _array(values: xr.DataArray, name: str) -> Array:
    dtype = np.float32 if values.name == "features" else np.float64
    dimensions = tuple(str(dimension) for dimension in values.dims)
    return Array(dimensions, values.values.astype(dtype), attributes_to_keep(values.attrs, name))


def attributes_to_keep(attributes: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """The attributes as plain Python values."""
    plain = {}
    for key, value in attributes.items():
        number = value.item() if isinstance(value, np.generic) else value
        if not _is_name(key):
            raise InvalidFeaturesError(f"{name}: an attribute can't be called {key!r} in a file")
        if not _is_storable(number):
            raise InvalidFeaturesError(
                f"{name}: attribute {key!r} can't be kept in a file: {reprlib.repr(value)}",
                hint="use text, a 64-bit integer or a float; other things as JSON text",
            )
        plain[key] = number
    return plain


def _is_storable(value: object) -> bool:
    if isinstance(value, str):
        return "\0" not in value and _is_text(value)
    if isinstance(value, int):
        return not isinstance(value, bool) and -(2**63) <= value < 2**63
    return isinstance(value, float)


def _is_name(name: object) -> bool:
    """Whether NetCDF takes a name and gives it back as it is (NetCDF Users Guide, "Names")."""
    if not isinstance(name, str) or not name or not _is_text(name):
        return False
    data = name.encode()
    return (
        len(data) <= _NAME_BYTES
        and unicodedata.normalize("NFC", name) == name
        and (name[0].isalnum() or name[0] == "_" or data[0] >= 0x80)
        and not any(byte < 0x20 or byte == 0x7F for byte in data)
        and "/" not in name
        and not name.endswith(" ")
    )


def _is_text(text: str) -> bool:
    """Whether UTF-8 has all of it, as it has not the halves of surrogate pairs."""
    return text.encode(errors="ignore").decode() == text


def _check_name(name: str, kind: str) -> None:
    if not _is_name(name):
        raise InvalidFeaturesError(
            f"a {kind} can't be called {name!r} in a file",
            hint="begin with a letter, a digit or _, and leave out slashes and control characters",
        )


def _check_variables(held: Mapping[Any, Any], name: str, *, allowed: Iterable[str]) -> None:
    extra = [str(variable) for variable in held if variable not in allowed]
    if extra:
        raise InvalidFeaturesError(
            f"{name} has variables that a feature file has no place for: {', '.join(extra)}",
            hint="keep features(channel, y, x), y and x alone",
        )
