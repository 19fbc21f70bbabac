"""Files of descr's own kinds, each written whole and sealed, and read as its origin demands."""

import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, BinaryIO

from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK

from ..errors import FeatureFileError, ForeignFileError, InvalidFeaturesError, OutputError
from ..runtime.atomic import whole_file
from ..runtime.ram import free_ram
from . import seal
from .hdf5 import Group, Schema, UnreadableError, directory, read_directory, read_groups
from .isolated import NONSENSE, IsolatedReadError, read_isolated
from .layout import SEALED
from .netcdf import write_groups

_BINARY = getattr(os, "O_BINARY", 0)
# What is not asked whether there is memory for: to ask takes as long as to read it.
_LITTLE = 1 << 25
# Stands before the mark of a user and after a directory of this form, by which the file is read.
_DIRECTORY = b"DESCRDR1"


@dataclass(frozen=True)
class Form:
    """A kind of file: its name, what it holds, and how to make one, the first time and again."""

    name: str
    schema: Schema
    make: str
    again: str


def write_sealed(
    path: str | os.PathLike[str], groups: Sequence[Group], form: Form, *, lossless: bool
) -> None:
    """Write groups, parents first, to a file, whole or not at all.

    Raises:
        InvalidFeaturesError: The groups hold what would not come back as it is.
        OutputError: The file can't be written.
    """
    large = form.schema.arrays[0]
    with whole_file(path) as temporary:
        try:
            with NETCDF4_PYTHON_LOCK:
                write_groups(str(temporary), groups, lossless=lossless, large=large)
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{os.fspath(path)}: can't be written by the NetCDF library: {error}",
                hint="its path, and the names and attributes of layers, must be valid text",
            ) from error
        data = temporary.read_bytes()
        try:
            # Some distributions have one HDF5 library for h5py and netCDF4.
            with NETCDF4_PYTHON_LOCK:
                copy = list(read_groups(data, schema=form.schema, values=False))
        except UnreadableError as error:
            raise InvalidFeaturesError(f"can't be kept in a file: it {error}") from error
        if directory(copy, with_places=False) != directory(groups, with_places=False):
            raise InvalidFeaturesError(
                f"{os.fspath(path)}: there are names or attributes that NetCDF can't hold as they "
                "are",
                hint="use plain text for the names and attributes of layers",
            )
        index = directory(copy) + _DIRECTORY
        with temporary.open("ab") as file:
            file.write(index + seal.seal_of(data, index))


def read_sealed(
    path: str | os.PathLike[str], form: Form, *, values: bool = True
) -> tuple[list[Group], int]:
    """Return the groups of a file, and its size in bytes.

    A file of this user's is checked byte by byte and read here, another in a process of its own.
    Raises `FeatureFileError` for a file that is damaged or can't be read, and `ForeignFileError`
    for one of another kind.
    """
    name = os.fspath(path)
    with _opened(path, form) as file:
        size = os.fstat(file.fileno()).st_size
        _check_head(name, file.read(seal.HEAD_SIZE), size, form)
        if size > _LITTLE and size > free_ram():
            raise FeatureFileError(f"{name}: is larger than the free memory", hint=form.again)
        end = seal.SIZE + seal.MARK_SIZE
        file.seek(max(0, size - end - len(_DIRECTORY)))
        tail = file.read()
        sealed = seal.has_seal(tail)
        file.seek(0)
        # What may be this user's is read once, so that it is what was checked.
        is_ours = seal.has_mark(tail) and tail.startswith(_DIRECTORY)
        content = io.BytesIO(file.read()) if is_ours else file
        intact, own = seal.check(content, size) if sealed else (True, False)
        if not intact:
            raise FeatureFileError(f"{name}: is damaged: its checksum is wrong", hint=form.again)
        try:
            if own and isinstance(content, io.BytesIO):
                large = "" if values else form.schema.arrays[0]
                place = size - end - len(_DIRECTORY)
                groups = read_directory(
                    content.getvalue(), end=place, outline=large, is_checked=True
                )
            else:
                groups = read_isolated(file, schema=form.schema, values=values)
        except IsolatedReadError as error:
            raise FeatureFileError(f"{name}: {error}", hint=form.again) from error
    attributes = groups[0].attributes
    _check_schema(name, attributes, form)
    if not sealed and SEALED in attributes:
        raise FeatureFileError(
            f"{name}: was cut off or altered after it was written: its checksum is gone",
            hint=f"{form.again}, or remove the attribute {SEALED} if you altered it on purpose",
        )
    return groups, size


@contextmanager
def contents_of(path: str | os.PathLike[str], form: Form, what: str) -> Iterator[None]:
    """Turn what is raised where groups hold no whole `what` into a `FeatureFileError`."""
    try:
        yield
    except InvalidFeaturesError as error:
        message = f"{os.fspath(path)}: {error.message}"
        raise FeatureFileError(message, hint=error.hint or form.again) from error
    except NONSENSE as error:
        raise FeatureFileError(
            f"{os.fspath(path)}: is damaged: it holds no {what}", hint=form.again
        ) from error


def root_of(form: Form, **attributes: Any) -> Group:
    """The root group of a file of this kind, with these attributes besides."""
    about = {
        "Conventions": "CF-1.11",
        form.schema.attribute: form.schema.number,
        "descr_version": version("descr-sdk"),
        SEALED: "sha256",
    }
    return Group("/", attributes | about)


@contextmanager
def _opened(path: str | os.PathLike[str], form: Form) -> Iterator[BinaryIO]:
    """A regular file, open for reading; `FeatureFileError` while it can't be read."""
    name = os.fspath(path)
    try:
        # A pipe would otherwise be waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ForeignFileError(f"{name}: is not a regular file", hint=form.make)
            yield file
    except IsADirectoryError as error:
        raise ForeignFileError(
            f"{name}: is a directory, not a {form.name}", hint=form.make
        ) from error
    except FileNotFoundError as error:
        raise FeatureFileError(f"{name}: there is no such file", hint=form.make) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FeatureFileError(
            f"{name}: can't be read: {reason}", hint="check the path and its permissions"
        ) from error


def _check_head(name: str, head: bytes, size: int, form: Form) -> None:
    if size == 0:
        raise FeatureFileError(f"{name}: is empty", hint=form.again)
    if not head.startswith(seal.HDF5_SIGNATURE):
        kind = "NetCDF-3" if head.startswith(b"CDF") else "no NetCDF-4"
        raise ForeignFileError(f"{name}: is not a {form.name} ({kind} file)", hint=form.make)
    claimed = seal.claimed_size(head)
    if claimed is not None and size < claimed:
        raise FeatureFileError(
            f"{name}: is cut off after {size} of {claimed} bytes, or damaged", hint=form.again
        )


def _check_schema(name: str, attributes: Mapping[str, Any], form: Form) -> None:
    schema = attributes.get(form.schema.attribute)
    if schema is None:
        raise ForeignFileError(
            f"{name}: is not a {form.name}: it has no attribute {form.schema.attribute}",
            hint=form.make,
        )
    if schema != (number := form.schema.number):
        raise FeatureFileError(
            f"{name}: has schema {schema!r}, and this version of descr reads schema {number}",
            hint=f"{form.again}, or use the version of descr that wrote it "
            f"({attributes.get('descr_version')!r})",
        )
