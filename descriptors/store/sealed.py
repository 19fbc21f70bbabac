"""Files of descr's own kinds, each written whole and sealed, and read as its origin demands."""

import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK

from ..errors import FeatureFileError, ForeignFileError, InvalidFeaturesError, OutputError
from ..runtime.atomic import whole_file
from ..runtime.ram import free_ram
from . import seal
from .forms import SEALED, Form
from .groups import Group, UnreadableError, directory, read_directory
from .hdf5 import read_groups
from .isolated import NONSENSE, IsolatedReadError, read_isolated
from .netcdf import write_groups

_BINARY = getattr(os, "O_BINARY", 0)
# What is not asked whether there is memory for: to ask takes as long as to read it.
_LITTLE = 1 << 25
# Stands before the mark of a user and after a directory of this form, by which the file is read.
_DIRECTORY = b"DESCRDR1"


class Contents(NamedTuple):
    """The kind of a file, its size in bytes, and its groups by path, parents first."""

    path: str
    form: Form
    size: int
    groups: Mapping[str, Group]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Those of the root."""
        return self.groups["/"].attributes

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turn what is raised where groups hold nothing whole into a `FeatureFileError`."""
        try:
            yield
        except InvalidFeaturesError as error:
            message, hint = f"{self.path}: {error.message}", error.hint or self.form.again
            raise FeatureFileError(message, hint=hint) from error
        except NONSENSE as error:
            raise FeatureFileError(
                f"{self.path}: is damaged: it holds no {self.form.name}", hint=self.form.again
            ) from error


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
                copy = list(read_groups(data, schemas=[form.schema], values=False))
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


def read_sealed(path: str | os.PathLike[str], *forms: Form, values: bool = True) -> Contents:
    """Return what a file of one of these kinds holds; of another kind no array is read.

    A file of this user's is checked byte by byte and read here, another in a process of its own.
    Raises `FeatureFileError` for a file that is damaged or can't be read, and `ForeignFileError`,
    as for the first kind, for one of another kind.
    """
    name, form, schemas = os.fspath(path), forms[0], [form.schema for form in forms]
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
                place = size - end - len(_DIRECTORY)
                groups = read_directory(
                    content.getvalue(), schemas=schemas, values=values, end=place, is_checked=True
                )
            else:
                groups = read_isolated(file, schemas=schemas, values=values, free=free_ram() // 2)
        except IsolatedReadError as error:
            raise FeatureFileError(f"{name}: {error}", hint=form.again) from error
    attributes = groups[0].attributes
    form = next((one for one in forms if one.schema.attribute in attributes), form)
    form.check(name, attributes)
    if not sealed and SEALED in attributes:
        raise FeatureFileError(
            f"{name}: was cut off or altered after it was written: its checksum is gone",
            hint=f"{form.again}, or remove the attribute {SEALED} if you altered it on purpose",
        )
    return Contents(name, form, size, {group.path: group for group in groups})


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
