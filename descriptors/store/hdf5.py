"""What a NetCDF-4 file plainly contains, read within bounds.

Only arrays that lie in the file are read: links that leave it, external and virtual storage are
refused. The HDF5 library reads the structure, and a hostile one can bring it down or make it take
time and memory: see `isolated.py`.
"""

import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import product, repeat
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5ds, h5o, h5t

from .filters import UNDO
from .groups import (
    Array,
    Bytes,
    Group,
    Schema,
    Storage,
    UnreadableError,
    read_values,
    schema_of,
    wants,
)

ROUNDED_BY = "_QuantizeBitRoundNumberOfSignificantBits"
# What NetCDF keeps for itself, and what HDF5 keeps of variables.
_RESERVED = re.compile(r"_Netcdf4|_nc3_strict$|_NCProperties$|_Quantize|_FillValue$")
_RESERVED_OF_VARIABLES = re.compile(r"(CLASS|NAME|DIMENSION_LIST|DIMENSION_LABELS|REFERENCE_LIST)$")
_LONGEST = 1 << 20
# Of sources and layers. A tree of so many takes seconds to build.
MOST_GROUPS = 1000


def read_groups(
    data: Bytes,
    *,
    schemas: Sequence[Schema],
    values: bool | Collection[str] = True,
    reserve: Callable[[int], None] = lambda size: None,
) -> Iterator[Group]:
    """Read the groups of a file, parents first, in the order in which they were made.

    A file of none of the schemas gives its root alone. Large arrays that are not little are
    outlines but for those of the groups that `values` lists; True is for every group. `reserve` is
    called, before any array is read, with the bytes that they take together, and three times the
    largest chunk beside them.

    Raises `UnreadableError` if a layer holds something that a feature file does not hold, and
    exceptions of any kind if the file is damaged.
    """
    file = h5py.File(io.BytesIO(data) if isinstance(data, bytes) else data, "r")
    root = Group("/", _read_attributes(file, "the root"))
    yield root
    schema = schema_of(root.attributes, schemas)
    if schema is None:
        return
    groups: list[tuple[Group, dict[str, Any]]] = []
    for source_name, source in _groups(file):
        groups.append((Group(f"/{source_name}", _read_attributes(source, source_name)), {}))
        for layer_name, layer in _groups(source):
            path = f"{source_name}/{layer_name}"
            members = {name: _member(layer, name) for name in schema.arrays if name in layer}
            variables = {name: one for name, one in members.items() if not _is_bare(one)}
            groups.append((Group(f"/{path}", _read_attributes(layer, path)), variables))
            if len(groups) > MOST_GROUPS:
                raise UnreadableError(f"holds more than {MOST_GROUPS:,} sources and layers")
    wanted = [one for _, variables in groups for one in variables.values()]
    reserve(_room(wanted))
    for group, variables in groups:
        arrays = {
            name: _read_array(
                data,
                variable,
                values=schema.is_little or name != schema.arrays[0] or wants(values, group.path),
            )
            for name, variable in variables.items()
        }
        yield Group(group.path, group.attributes, arrays)


def _groups(parent: Any) -> Iterator[tuple[str, Any]]:
    for name in parent:
        node = _member(parent, name)
        if isinstance(node, h5py.Group):
            yield name, node


def _member(parent: Any, name: str) -> Any:
    if parent.get(name, getclass=True, getlink=True) is not h5py.HardLink:
        raise UnreadableError(f"{parent.name}/{name} is a link".lstrip("/"))
    return parent[name]


def _is_bare(node: Any) -> bool:
    """Whether NetCDF keeps it for a dimension that has no variable."""
    if not isinstance(node, h5py.Dataset) or not h5ds.is_scale(node.id):
        return False
    return bool(h5ds.get_scale_name(node.id).startswith(b"This is a netCDF dimension but not"))


def _read_attributes(node: Any, path: str) -> dict[str, Any]:
    return {
        name: _read_attribute(node, name, f"attribute {name!r} of {path}")
        for name in node.attrs
        if not _RESERVED.match(name)
        and not (isinstance(node, h5py.Dataset) and _RESERVED_OF_VARIABLES.match(name))
    }


def _read_attribute(node: Any, name: str, what: str) -> Any:
    """The value of an attribute as text or number, or a list of them where it has several."""
    stored = node.attrs.get_id(name)
    if stored.get_type().get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING):
        raise UnreadableError(f"{what} is neither text nor a number")
    if stored.get_storage_size() > _LONGEST:
        raise UnreadableError(f"{what} is too long")
    value = node.attrs[name]
    if isinstance(value, h5py.Empty):
        return ""
    items = [
        item.decode() if isinstance(item, bytes) else item for item in np.ravel(value).tolist()
    ]
    if any(isinstance(item, str) and len(item) > _LONGEST for item in items):
        raise UnreadableError(f"{what} is too long")
    return items[0] if len(items) == 1 else items


def _room(variables: Iterable[Any]) -> int:
    """The bytes that reading arrays takes; `UnreadableError` for what is none of numbers."""
    size = largest = 0
    for variable in variables:
        if not isinstance(variable, h5py.Dataset) or variable.dtype.kind not in "fiu":
            raise UnreadableError(f"{variable.name[1:]} holds no numbers")
        if variable.shape is None:
            raise UnreadableError(f"{variable.name[1:]} holds nothing")
        size += variable.dtype.itemsize * math.prod(variable.shape)
        largest = max(largest, variable.dtype.itemsize * math.prod(variable.chunks or (0,)))
    return size + 3 * largest


def _read_array(data: Bytes, variable: Any, *, values: bool) -> Array:
    path, dtype, shape = variable.name[1:], variable.dtype, variable.shape
    rounded = ROUNDED_BY in variable.attrs and _read_attribute(variable, ROUNDED_BY, path)
    about: dict[str, Any] = {
        "dimensions": _dimensions(variable),
        "attributes": _read_attributes(variable, path),
        "rounded_bits": rounded if type(rounded) is int else None,
    }
    if variable.is_virtual or variable.external:
        raise UnreadableError(f"{path} is stored in other files")
    properties, place = variable.id.get_create_plist(), variable.id.get_offset()
    filters = [properties.get_filter(number) for number in range(properties.get_nfilters())]
    for kind, *_ in filters:
        if kind not in UNDO:
            raise UnreadableError(f"{path} is compressed in an unknown way (filter {kind})")
    is_compact = properties.get_layout() == h5d.COMPACT
    if place is None and not variable.chunks and not is_compact:
        raise UnreadableError(f"{path} was never written")
    steps = [(kind, options[:1]) for kind, _, options, _ in filters]
    pieces = _pieces(variable, path) if variable.chunks else ()
    storage = Storage(dtype.str, shape, place, variable.chunks or (), steps, pieces)
    if not values:
        return Array.outline(shape, dtype, storage=storage, **about)
    array = variable[()] if is_compact else read_values(data, storage)
    array = array.astype(dtype.newbyteorder("="), copy=not array.flags.writeable)
    return Array(values=array, storage=storage, **about)


def _dimensions(variable: Any) -> tuple[str, ...]:
    """The names of the dimensions: of its scales, which lie in its group or above, or its own."""
    scales = [
        _scale(variable, number)
        for number in range(variable.ndim)
        if h5ds.get_num_scales(variable.id, number)
    ]
    names: dict[int, str] = {}
    group = variable.parent
    while set(scales) - set(names):
        names = {h5o.get_info(group.id, name.encode()).addr: name for name in group} | names
        if group == group.parent:
            break
        group = group.parent
    own = variable.name.rpartition("/")[2]
    return tuple(names[scale] for scale in scales) or (own,) * variable.ndim


def _scale(variable: Any, number: int) -> int:
    """The place of what gives a dimension its name."""
    scales: list[Any] = []
    h5ds.iterate(variable.id, number, scales.append)
    return int(h5o.get_info(scales[0]).addr)


def _pieces(variable: Any, path: str) -> list[tuple[Sequence[int], int, int, int]]:
    chunks: list[Any] = []
    variable.id.chunk_iter(chunks.append)
    index = {one.chunk_offset: one for one in chunks}
    pieces: list[tuple[Sequence[int], int, int, int]] = []
    for start in product(*map(range, repeat(0), variable.shape, variable.chunks)):
        if start not in index:
            raise UnreadableError(f"{path} lacks a part of its values")
        one = index[start]
        pieces.append((start, one.byte_offset, one.size, one.filter_mask))
    return pieces
