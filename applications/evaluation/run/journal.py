"""A file that work is written down in piece by piece, so that it outlives whatever stops it."""

import hashlib
import json
import math
import os
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from io import FileIO
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import OutputError
from ....descriptors.runtime.atomic import writing

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""The answers for one pair, by name."""

_MAGIC = b"descr journal 1\n"
_HEAD = struct.Struct("<Q32s")  # before each record: its length, and its SHA-256
_SECONDS = 2.0  # how much work may be lost where the machine itself goes down


class Journal:
    """Records in the order in which they were added.

    A record is whole or absent: what was half written when the process was killed, or is damaged,
    is cut off when the journal is opened again, with whatever follows it. `work` says what the
    work is, in values that JSON holds; the records of other work are dropped, and `differs` says in
    what it differs. Raises `OutputError` for a file that can't be opened or written, or that
    another process is writing.
    """

    def __init__(self, path: Path, work: Mapping[str, Any]) -> None:
        self.path = path
        self.differs: tuple[str, ...] = ()
        self._file = _open(path)
        self._flushed = time.monotonic()
        self._first = self._end = 0
        try:
            with writing(path):
                self._begin(dict(work))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def records(self) -> Iterator[bytes]:
        """The records that are there, oldest first, one in memory at a time."""
        at = self._first
        while at < self._end:
            self._file.seek(at)
            record = _read(self._file)
            assert record is not None
            yield record
            at += _HEAD.size + len(record)

    def add(self, record: bytes) -> None:
        """Write a record down.

        It survives the end of this process at once, and a loss of power after two seconds of
        further work.
        """
        with writing(self.path):
            self._file.seek(self._end)
            self._write(_framed(record))
            if time.monotonic() - self._flushed > _SECONDS:
                self._sync()

    def close(self) -> None:
        """Wait until everything is on the disk, and close the file."""
        if self._file.closed:
            return
        with writing(self.path), closing(self._file):
            self._sync()

    def _begin(self, work: dict[str, Any]) -> None:
        head = json.dumps(work, sort_keys=True).encode()
        # A pipe, which would keep its reader waiting, fails here.
        self._file.seek(0)
        start = self._file.read(len(_MAGIC))
        if not _MAGIC.startswith(start):
            raise OutputError(
                f"{self.path}: is there, and is no journal of a run",
                hint="move it away, or choose another place",
            )
        former = _read(self._file)
        if former != head:
            self.differs = _differences(former, json.loads(head))
            self._file.seek(0)
            self._file.truncate()
            self._write(_MAGIC + _framed(head))
        self._first = self._end = self._file.tell()
        while _read(self._file) is not None:
            self._end = self._file.tell()
        self._file.truncate(self._end)

    def _write(self, data: bytes) -> None:
        """Write all of it: on a disk that is nearly full the system takes a part, and no more."""
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        self._end = self._file.tell()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._flushed = time.monotonic()


def _framed(record: bytes) -> bytes:
    return _HEAD.pack(len(record), hashlib.sha256(record).digest()) + record


def _read(file: FileIO) -> bytes | None:
    """The record at the place of the file; None if none stands there whole."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, digest = _HEAD.unpack(head)
    if length > os.fstat(file.fileno()).st_size:
        return None
    record = file.read(length)
    return record if hashlib.sha256(record).digest() == digest else None


def _differences(former: bytes | None, work: dict[str, Any]) -> tuple[str, ...]:
    """The names under which the former work differs; nothing if there was none."""
    try:
        other = json.loads(former or b"")
    except ValueError:
        return ()
    return tuple(name for name in sorted({*other, *work}) if other.get(name) != work.get(name))


def _open(path: Path) -> FileIO:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Read and write, made where there is none, and nothing of it lost. A link that somebody
        # else put there is not followed.
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            number = os.open(path, flags)
        except FileNotFoundError:
            number = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        # Without a buffer nothing is left that closing the file would fail to write once more.
        file = os.fdopen(number, "r+b", buffering=0)
    try:
        # Kept to this process until it is closed, where the system can.
        with suppress(ImportError):
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise OutputError(
            f"{path}: another run is at work",
            hint="wait for it to end, or give this one another place",
        ) from error
    return file


def pack_answers(places: Sequence[int], answers: Sequence[Arrays]) -> bytes:
    """Answers by the same names for the pairs at these places, as one record, bit for bit."""
    head = {
        name: [array.dtype.str, [one[name].shape for one in answers]]
        for name, array in answers[0].items()
    }
    arrays = (np.ascontiguousarray(one[name]).tobytes() for name in head for one in answers)
    return json.dumps([list(places), head]).encode() + b"\n" + b"".join(arrays)


def unpack_answers(record: bytes) -> dict[int, Arrays]:
    """The answers, read-only, that `pack_answers` made a record of, by the places of their pairs.

    Raises `ValueError` for other bytes.
    """
    line, newline, _ = record.partition(b"\n")
    places, head = json.loads(line)
    answers: dict[int, dict[str, npt.NDArray[Any]]] = {place: {} for place in places}
    at = len(line) + len(newline)
    for name, (kind, shapes) in head.items():
        for place, shape in zip(places, shapes, strict=True):
            values = np.frombuffer(record, np.dtype(kind), math.prod(shape), at)
            answers[place][name] = values.reshape(shape)
            at += values.nbytes
    if at != len(record):
        raise ValueError(f"{len(record) - at} bytes belong to no array")
    return dict(answers)
