"""Files of descr's own kinds, each read as its origin demands."""

import io
import mmap
import os
import stat
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, NamedTuple

from ..errors import FeatureFileError, ForeignFileError, InvalidFeaturesError
from ..runtime.ram import free_ram
from . import seal
from .forms import Form
from .groups import Bytes, Group, UnreadableError, read_directory
from .isolated import NONSENSE, IsolatedReadError, read_isolated

_BINARY = getattr(os, "O_BINARY", 0)
# What is not asked whether there is memory for: to ask takes as long as to read it.
_LITTLE = 1 << 25
# What undoing the filters of chunks raises beside nonsense.
_UNDOING = UnreadableError, MemoryError, RuntimeError, zlib.error


class Contents(NamedTuple):
    """The kind of a file, its size in bytes, and its groups by path, parents first.

    The seal tells the file from every other; it is empty for one that has none.
    """

    path: str
    form: Form
    size: int
    groups: Mapping[str, Group]
    seal: bytes

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


def read_sealed(
    path: str | os.PathLike[str],
    *forms: Form,
    values: bool | Collection[str] = True,
    is_known: bool = False,
) -> Contents:
    """Return what a file of one of these kinds holds; of another kind no array is read.

    `values` lists the groups whose large arrays are read; True is for all, False for none. With
    `is_known` and no values, the directory of a file that descr wrote is believed without a look at
    the rest.
    A file of this user's is checked byte by byte and read here, another in a process of its own.
    Raises `FeatureFileError` for a file that is damaged or can't be read, and `ForeignFileError`,
    as for the first kind, for one of another kind.
    """
    name, form, schemas = os.fspath(path), forms[0], [form.schema for form in forms]
    if len(forms) > 1:
        # Until the root says of which kind it is.
        form = replace(form, again="write it again with the command that made it")
    with _opened(path, form) as file:
        size = os.fstat(file.fileno()).st_size
        _check_head(name, file.read(seal.HEAD_SIZE), size, form)
        if size > _LITTLE and size > free_ram():
            raise FeatureFileError(f"{name}: is larger than the free memory", hint=form.again)
        end = seal.SIZE + seal.MARK_SIZE
        file.seek(max(0, size - end - len(seal.DIRECTORY)))
        tail = file.read()
        sealed = seal.has_seal(tail)
        file.seek(0)
        # What may be this user's is read once, so that it is what was checked.
        is_ours = seal.has_mark(tail) and tail.startswith(seal.DIRECTORY)
        believed = is_known and is_ours and sealed and values is False
        data: Bytes = b""
        if believed:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        elif is_ours:
            data = file.read()
        intact, own = True, believed
        if sealed and not believed:
            intact, own = seal.check(io.BytesIO(data) if is_ours else file, size)
        if not intact:
            raise FeatureFileError(f"{name}: is damaged: its checksum is wrong", hint=form.again)
        try:
            if own and is_ours:
                place = size - end - len(seal.DIRECTORY)
                groups = read_directory(
                    data, schemas=schemas, values=values, end=place, is_checked=not believed
                )
            else:
                groups = read_isolated(file, schemas=schemas, values=values, free=free_ram() // 2)
        except IsolatedReadError as error:
            raise FeatureFileError(f"{name}: {error}", hint=form.again) from error
        except (*NONSENSE, *_UNDOING) as error:
            raise FeatureFileError(
                f"{name}: is damaged: its directory is nonsense", hint=form.again
            ) from error
    attributes = dict(groups[0].attributes)
    form = next((one for one in forms if one.schema.attribute in attributes), form)
    form.check(name, attributes)
    if attributes.pop(seal.ATTRIBUTE, None) is not None and not sealed:
        raise FeatureFileError(
            f"{name}: was cut off or altered after it was written: its checksum is gone",
            hint=f"{form.again}, or remove the attribute {seal.ATTRIBUTE} if you altered it on "
            "purpose",
        )
    groups[0] = replace(groups[0], attributes=attributes)
    by_path = {group.path: group for group in groups}
    return Contents(name, form, size, by_path, tail[-seal.SIZE :] if sealed else b"")


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
