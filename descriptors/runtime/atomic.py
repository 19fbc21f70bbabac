"""Output files that are whole or absent: written beside their target, flushed, renamed."""

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import DescrError, OutputError

REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than is allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "you are not permitted to write there",
    errno.EPERM: "you are not permitted to write there",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ESPIPE: "it is a pipe",
}
OUT_OF_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TOO_MANY = {errno.EMFILE, errno.ENFILE}
_PROBE = 1 << 22
"""Bytes that a disk must take not to count as full: more than the library writes at once."""
_ABANDONED = 60
"""Seconds without a change after which a half-written file counts as left by a killed run."""


@contextmanager
def whole_file(path: str | os.PathLike[str], *, flush: bool = True) -> Iterator[Path]:
    """Give a temporary path to write to; on success it becomes `path`, else nothing is changed.

    The temporary file lies beside the target, with its suffix, and exists, empty, when the block
    begins; close it before the block ends. Then it is flushed to the disk (`flush`: unless the
    block has done so) and renamed over the target in one step. If the block raises anything,
    KeyboardInterrupt included, it is removed. The permissions are the umask's for a new file, the
    old file's for one that is replaced. Links are followed.

    Raises `OutputError` if `path` can't be written (see `check_target`), or the disk has no room.
    An `OSError` of the block is taken for one of the temporary file unless it names another file,
    and so is an error of the NetCDF library.
    """
    target = check_target(path)
    # Short and independent of the target's name, which may be as long as the file system allows.
    temporary = target.with_name(f".descr-{secrets.token_hex(8)}{target.suffix}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        if (mode := _mode(target)) is not None:
            temporary.chmod(stat.S_IMODE(mode))
        yield temporary
        if flush:
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except DescrError as error:
        # Of a writer that makes its file whole itself.
        if str(temporary) not in error.message:
            raise
        message = error.message.replace(str(temporary), os.fspath(path))
        raise type(error)(message, hint=error.hint) from error
    except (OSError, RuntimeError) as error:
        of_netcdf = str(error).startswith("NetCDF: ")
        other = str(getattr(error, "filename", None) or temporary) != str(temporary)
        if other or not (of_netcdf or isinstance(error, OSError)):
            raise
        # What lies there may have changed since.
        check_target(path)
        raise _cannot_write(path, _cause(temporary, error)) from error
    finally:
        with suppress(OSError):
            # The NetCDF library keeps open what it could not write: that must hold no room.
            os.truncate(temporary, 0)
            temporary.unlink()


@contextmanager
def writing(path: str | os.PathLike[str], what: str = "can't be written") -> Iterator[None]:
    """Turn an `OSError` of the block into an `OutputError` that names the path and the cause."""
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error, what) from error


def check_target(path: str | os.PathLike[str]) -> Path:
    """The real path of an output file; `OutputError` if no file can be written there.

    Worth a call of its own before long work whose result is to be written there.
    """
    try:
        target = Path(os.path.realpath(path))
        folder = target.parent
        mode, folder_mode = _mode(target), _mode(folder)
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from error
    fault = hint = ""
    if mode is not None and stat.S_ISDIR(mode):
        fault, hint = "is a directory", "name a file inside of it instead"
    elif mode is not None and not stat.S_ISREG(mode):
        fault, hint = "is not a regular file", "name an ordinary file"
    elif mode is not None and not os.access(target, os.W_OK):
        fault, hint = "is read-only", "choose another file, or change its permissions"
    elif folder_mode is None:
        fault, hint = f"the folder {folder} does not exist", "create the folder first"
    elif not stat.S_ISDIR(folder_mode):
        fault, hint = f"{folder} is not a folder", "choose another place"
    elif not os.access(folder, os.W_OK | os.X_OK):
        fault = f"can't write to the folder {folder}"
        hint = "choose another folder, or change its permissions"
    if fault:
        raise OutputError(f"{os.fspath(path)}: {fault}", hint=hint)
    return target


def remove_abandoned(folder: Path, suffix: str) -> None:
    """Remove what `whole_file` left, in killed runs, of files with this suffix in the folder."""
    for path in folder.glob(f".descr-*{suffix}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()


def _mode(path: Path) -> int | None:
    """Return the mode of what lies at `path`, None where nothing does."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _cause(temporary: Path, error: Exception) -> Exception:
    """Why no more can be written, where the system says so; else the error itself.

    The NetCDF library calls a full disk "Permission denied" or "HDF error".
    """
    try:
        with temporary.open("ab") as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as cause:
        return cause
    return error


def _cannot_write(
    path: str | os.PathLike[str], error: Exception, what: str = "can't be written"
) -> OutputError:
    """The `OutputError` that says why a file, or a folder, could not be written."""
    number = getattr(error, "errno", None)
    reason = REASONS.get(number or 0) or getattr(error, "strerror", None) or str(error)
    hint = "choose another place"
    if number in OUT_OF_ROOM:
        hint = "make room, or choose another place"
    elif number in _TOO_MANY:
        hint = "allow more, as in: ulimit -n 1024"
    return OutputError(f"{os.fspath(path)}: {what}: {reason}", hint=hint)
