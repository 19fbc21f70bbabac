"""Feature files: feature trees kept as NetCDF-4, one group per layer."""

import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import xarray as xr
from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK

from ..errors import FeatureFileError, ForeignFileError, InvalidFeaturesError, OutputError
from ..features.tree import IMAGE_PATH, SCHEMA, check_tree, tree_layers
from ..runtime.atomic import whole_file
from ..runtime.ram import free_ram
from . import seal
from .hdf5 import Group, UnreadableError, read_groups
from .isolated import IsolatedReadError, read_isolated
from .layout import SEALED, groups_to_tree, outline, tree_to_groups
from .netcdf import UnwritableError, write_groups

_EXTRACT = "extract it again"
_MAKE = "make a feature file with `descr extract` or save_features"
_BINARY = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, kw_only=True)
class LayerInfo:
    """What a feature file says of one layer.

    Attributes
    ----------
    path:
        "source/layer".
    shape:
        Channels, rows, columns.
    dtype:
        The type of the features.
    rounded_bits:
        To how many bits of mantissa the features were rounded; None where they are as they were.
    attributes:
        The attributes of the layer's group.
    """

    path: str
    shape: tuple[int, int, int]
    dtype: str
    rounded_bits: int | None
    attributes: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FeatureInfo:
    """What a feature file says of itself: see `read_feature_info`.

    Attributes
    ----------
    size:
        The size of the file in bytes.
    attributes:
        The attributes of the root: of the image, of the descriptor, of the schema.
    layers:
        The layers in order.
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

    Parameters
    ----------
    tree:
        A feature tree, as `extract` gives it: groups `/<source>/<layer>` with float32
        `features` (channel, y, x) and the attributes of the schema.
    path:
        The file to write; what is there is replaced in one step at the end.
    lossless:
        Keep every bit of the features. Without it they are rounded to 10 bits of mantissa, which
        moves no value by more than 2^-11 of itself (below 2^-126: of 2^-126) and takes about a
        third off the size.
    image_path:
        The file of the photograph. The way there from the folder of the feature file is recorded
        in the root attribute `image_path`, by which commands find the pixels for drawings.

    Raises
    ------
    InvalidFeaturesError
        If the tree breaks the schema, or holds what a feature file has no place for.
    OutputError
        If the file can't be written.
    """
    check_tree(tree)
    tree = tree.copy(deep=False)
    # What a loaded tree has recorded holds from the folder of the file that it was loaded from.
    tree.attrs.pop(IMAGE_PATH, None)
    way = None if image_path is None else _way(image_path, path)
    if way is not None:
        tree.attrs[IMAGE_PATH] = way
    groups = tree_to_groups(tree)
    with whole_file(path) as temporary:
        try:
            with NETCDF4_PYTHON_LOCK:
                write_groups(str(temporary), groups, lossless=lossless)
        except UnwritableError as error:
            raise InvalidFeaturesError(f"can't be kept in a file: {error}") from error
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{os.fspath(path)}: can't be written by the NetCDF library: {error}",
                hint="its path, and the names and attributes of layers, must be valid text",
            ) from error
        data = temporary.read_bytes()
        try:
            with NETCDF4_PYTHON_LOCK:
                copy = outline(read_groups(data, schema=SCHEMA, values=False))
        except UnreadableError as error:
            raise InvalidFeaturesError(f"can't be kept in a file: it {error}") from error
        if copy != outline(groups):
            raise InvalidFeaturesError(
                f"the feature tree of {tree.attrs['image_name']} has names or attributes that "
                "NetCDF can't hold as they are",
                hint="use plain text for the names and attributes of layers",
            )
        with temporary.open("ab") as file:
            file.write(seal.seal_of(data))


def load_features(path: str | os.PathLike[str]) -> xr.DataTree:
    """Return the feature tree that a file holds, all in memory, the file closed.

    A file that `save_features` wrote is checked byte by byte before it is read. One that this user
    has not written is read in another process, since it can be made to bring down the process that
    reads it, or to take any time and memory; no other file is read for it.

    Raises
    ------
    FeatureFileError
        If there is no such file, or if it is not a feature file, has another schema, was cut off
        or altered, or breaks the schema.
    """
    return _to_tree(path, _read(path, values=True)[0])


def read_feature_info(path: str | os.PathLike[str]) -> FeatureInfo:
    """Return what a file says of its image and its layers, without decoding the features.

    Checks all that `load_features` checks but the values of features in files that descr did not
    write, and raises the same errors.
    """
    groups, size = _read(path, values=False)
    tree = _to_tree(path, groups)
    by_path = {group.path[1:]: group for group in groups}
    return FeatureInfo(
        size=size,
        attributes=_named(tree.attrs),
        layers=tuple(
            LayerInfo(
                path=layer,
                shape=_shape(node["features"]),
                dtype=str(node["features"].dtype),
                rounded_bits=by_path[layer].arrays["features"].rounded_bits,
                attributes=_named(node.attrs),
            )
            for layer, node in tree_layers(tree).items()
        ),
    )


def _way(image_path: str | os.PathLike[str], path: str | os.PathLike[str]) -> str | None:
    """The way from a file to a photograph; None where no text can say it."""
    image, folder = Path(image_path), os.path.dirname(os.path.realpath(path))
    # It lies on another drive, or its name is no valid text.
    with suppress(ValueError):
        way = Path(os.path.relpath(os.path.realpath(image.parent) / Path(image.name), folder))
        return way.as_posix().encode().decode()
    return None


def _read(path: str | os.PathLike[str], *, values: bool) -> tuple[list[Group], int]:
    """Return the groups of a file, and its size in bytes."""
    name = os.fspath(path)
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        _check_head(name, file.read(seal.HEAD_SIZE), size)
        if size > free_ram():
            raise FeatureFileError(f"{name}: is larger than the free memory", hint=_EXTRACT)
        file.seek(max(0, size - seal.SIZE - seal.MARK_SIZE))
        end = file.read()
        sealed = seal.has_seal(end)
        file.seek(0)
        # What may be this user's is read once, so that it is what was checked.
        content: BinaryIO = io.BytesIO(file.read()) if seal.has_mark(end) else file
        intact, own = seal.check(content, size) if sealed else (True, False)
        if not intact:
            raise FeatureFileError(f"{name}: is damaged: its checksum is wrong", hint=_EXTRACT)
        try:
            if own:
                content.seek(0)
                # Some distributions have one HDF5 library for h5py and netCDF4.
                with NETCDF4_PYTHON_LOCK:
                    groups = list(read_groups(content.read(), schema=SCHEMA, values=values))
            else:
                groups = read_isolated(file, schema=SCHEMA, values=values)
        except (IsolatedReadError, UnreadableError) as error:
            raise FeatureFileError(f"{name}: {error}", hint=_EXTRACT) from error
    attributes = groups[0].attributes
    _check_schema(name, attributes)
    if not sealed and SEALED in attributes:
        raise FeatureFileError(
            f"{name}: was cut off or altered after it was written: its checksum is gone",
            hint=f"{_EXTRACT}, or remove the attribute {SEALED} if you altered it on purpose",
        )
    return groups, size


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A regular file, open for reading; `FeatureFileError` while it can't be read."""
    name = os.fspath(path)
    try:
        # A pipe would otherwise be waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ForeignFileError(f"{name}: is not a regular file", hint=_MAKE)
            yield file
    except IsADirectoryError as error:
        raise ForeignFileError(f"{name}: is a directory, not a feature file", hint=_MAKE) from error
    except FileNotFoundError as error:
        raise FeatureFileError(f"{name}: there is no such file", hint=_MAKE) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FeatureFileError(
            f"{name}: can't be read: {reason}", hint="check the path and its permissions"
        ) from error


def _check_head(name: str, head: bytes, size: int) -> None:
    if size == 0:
        raise FeatureFileError(f"{name}: is empty", hint=_EXTRACT)
    if not head.startswith(seal.HDF5_SIGNATURE):
        kind = "NetCDF-3" if head.startswith(b"CDF") else "no NetCDF-4"
        raise ForeignFileError(f"{name}: is not a feature file ({kind} file)", hint=_MAKE)
    claimed = seal.claimed_size(head)
    if claimed is not None and size < claimed:
        raise FeatureFileError(
            f"{name}: is cut off after {size} of {claimed} bytes, or damaged", hint=_EXTRACT
        )


def _check_schema(name: str, attributes: Mapping[str, Any]) -> None:
    schema = attributes.get("descr_schema")
    if schema is None:
        raise ForeignFileError(
            f"{name}: is not a feature file: it has no attribute descr_schema", hint=_MAKE
        )
    if schema != SCHEMA:
        raise FeatureFileError(
            f"{name}: has schema {schema!r}, and this version of descr reads schema {SCHEMA}",
            hint=f"{_EXTRACT}, or use the version of descr that wrote it "
            f"({attributes.get('descr_version')!r})",
        )


def _named(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in attributes.items()}


def _shape(features: xr.DataArray) -> tuple[int, int, int]:
    channels, rows, columns = features.shape
    return channels, rows, columns


def _to_tree(path: str | os.PathLike[str], groups: list[Group]) -> xr.DataTree:
    try:
        tree = groups_to_tree(groups, os.fspath(path))
        check_tree(tree, os.fspath(path))
    except InvalidFeaturesError as error:
        raise FeatureFileError(error.message, hint=error.hint or _EXTRACT) from error
    return tree
