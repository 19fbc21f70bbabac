"""The seal of a file: a checksum of every byte, at its end, where NetCDF readers don't look.

HDF5 knows where its own data ends and reads a file with bytes after that as one without. The seal
lets descr tell, before any library parses the file, whether it is as it was written.
"""

import hashlib

MAGIC = b"DESCRSHA"
SIZE = len(MAGIC) + hashlib.sha256().digest_size
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Where the superblock of each version says how long the file is (HDF5 File Format Specification,
# III.A, "Disk Format: Level 0A - Format Signature and Superblock"; with offsets of 8 bytes).
_SIZE_PLACES = {0: (13, 40), 1: (13, 44), 2: (9, 28), 3: (9, 28)}
HEAD_SIZE = 64


def seal_of(data: bytes) -> bytes:
    """The bytes to append to `data`."""
    return MAGIC + hashlib.sha256(data).digest()


def has_seal(data: bytes) -> bool:
    """Whether `data`, a whole file or its end, ends with a seal, be it the right one or not."""
    return data[-SIZE:].startswith(MAGIC) and len(data) >= SIZE


def is_intact(data: bytes) -> bool:
    """Whether a whole file that has a seal is what was sealed."""
    return hashlib.sha256(memoryview(data)[:-SIZE]).digest() == data[-SIZE + len(MAGIC) :]


def claimed_size(head: bytes) -> int | None:
    """How many bytes an HDF5 file says that it has, None where `head` doesn't tell."""
    place = _SIZE_PLACES.get(head[8]) if len(head) >= HEAD_SIZE else None
    if place is None or head[place[0]] != 8:
        return None
    return int.from_bytes(head[place[1] : place[1] + 8], "little")
