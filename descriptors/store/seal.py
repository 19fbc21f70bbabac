"""The seal of a file: a checksum of every byte, at its end, where NetCDF readers don't look.

HDF5 knows where its own data ends and reads a file with bytes after that as one without. The seal
lets descr tell, before any library parses the file, whether it is as it was written. Before it
stands a mark that only this user's secret can make, by which files of one's own are known.
"""

import hashlib
import hmac
import secrets
from contextlib import suppress
from typing import BinaryIO

from ..errors import OutputError
from ..runtime.atomic import whole_file
from ..runtime.home import data_folder

MAGIC = b"DESCRSHA"
SIZE = len(MAGIC) + hashlib.sha256().digest_size
MARK = b"DESCRKEY"
MARK_SIZE = len(MARK) + hashlib.sha256().digest_size
# Says in a file that it was sealed, so that one whose seal is gone is known to be cut or altered.
ATTRIBUTE = "descr_seal"
# Stands after a directory of this form, by which a file of this user's is read, before the mark.
DIRECTORY = b"DESCRDR1"
_KEY, _SECRET_SIZE = "seal.key", 32
_BLOCK = 1 << 20
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Where the superblock of each version says how long the file is (HDF5 File Format Specification,
# III.A, "Disk Format: Level 0A - Format Signature and Superblock"; with offsets of 8 bytes).
_SIZE_PLACES = {0: (13, 40), 1: (13, 44), 2: (9, 28), 3: (9, 28)}
HEAD_SIZE = 64


def seal_of(*data: bytes) -> bytes:
    """The bytes to append to the data: the mark of this user, if it has a secret, and the seal."""
    digest = hashlib.sha256()
    for part in data:
        digest.update(part)
    mark = _mark(digest.digest(), _secret() or _make_secret())
    digest.update(mark)
    return mark + MAGIC + digest.digest()


def has_seal(data: bytes) -> bool:
    """Whether `data`, a whole file or its end, ends with a seal, be it the right one or not."""
    return data[-SIZE:].startswith(MAGIC) and len(data) >= SIZE


def has_mark(data: bytes) -> bool:
    """Whether `data`, a whole file or its end, has a mark before its seal, of whichever user."""
    return data[-SIZE - MARK_SIZE :].startswith(MARK)


def check(file: BinaryIO, size: int) -> tuple[bool, bool]:
    """Whether a file of this size that has a seal is what was sealed, and whether by this user."""
    digest, left = hashlib.sha256(), max(0, size - SIZE - MARK_SIZE)
    file.seek(0)
    while block := file.read(min(_BLOCK, left)):
        digest.update(block)
        left -= len(block)
    mark = _mark(digest.digest(), _secret())
    end = file.read(MARK_SIZE + SIZE)
    digest.update(end[:-SIZE])
    return digest.digest() == end[len(MAGIC) - SIZE :], bool(mark) and end.startswith(mark)


def _mark(digest: bytes, secret: bytes | None) -> bytes:
    return b"" if secret is None else MARK + hmac.digest(secret, digest, "sha256")


def _secret() -> bytes | None:
    """The secret of this user; None where there is none yet, or none can be kept."""
    path = data_folder() / _KEY
    # Where the user has no home, the folder is one within the working folder, of anybody.
    with suppress(OSError):
        if path.is_absolute() and path.is_file() and path.stat().st_size == _SECRET_SIZE:
            return path.read_bytes()
    return None


def _make_secret() -> bytes | None:
    """The secret, new; written whole, since an empty one of a full disk would stay."""
    path = data_folder() / _KEY
    with suppress(OSError, OutputError):
        if path.is_absolute():
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as temporary:
                temporary.chmod(0o600)
                temporary.write_bytes(secrets.token_bytes(_SECRET_SIZE))
    return _secret()


def claimed_size(head: bytes) -> int | None:
    """How many bytes an HDF5 file says that it has, None where `head` doesn't tell."""
    place = _SIZE_PLACES.get(head[8]) if len(head) >= HEAD_SIZE else None
    if place is None or head[place[0]] != 8:
        return None
    return int.from_bytes(head[place[1] : place[1] + 8], "little")
