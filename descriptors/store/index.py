"""What was seen of images and their files, so that neither is read again to be kept."""

import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

_NAME = ".features.sqlite"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS looks (key BLOB, recipe TEXT, image_size INTEGER, image_time "
    "INTEGER, file_size INTEGER, file_time INTEGER, sha256 TEXT, height INTEGER, width INTEGER, "
    "lowest_cosine REAL, checksum INTEGER, "
    "PRIMARY KEY (key, recipe)) WITHOUT ROWID"
)
_BUSY_SECONDS = 5.0


Seen: TypeAlias = tuple[Any, ...]
"""The stamps of an image and of its file when the file was known to be that of the image; the hash
of the pixels, height, width and lowest cosine."""


def stamp(path: str | os.PathLike[str]) -> tuple[int, ...]:
    """Size in bytes and time of the last change, in nanoseconds, of a file; () for none."""
    try:
        about = os.stat(path)
    except (OSError, ValueError):
        return ()
    return about.st_size, about.st_mtime_ns


def read_index(folder: Path, recipe: str) -> dict[str, Seen]:
    """What was seen in a folder with this recipe, by key.

    A cache beside the files, which are the truth: without a whole one they are read.
    """
    if not os.path.isfile(folder / _NAME):
        return {}
    with suppress(sqlite3.Error), _opened(folder) as database:
        rows = database.execute(
            "SELECT image_size, image_time, file_size, file_time, sha256, height, width, "
            "lowest_cosine, key, checksum FROM looks WHERE recipe = ?",
            (recipe,),
        )
        # SQLite itself does not tell that a number was altered.
        return {
            os.fsdecode(key): tuple(entry)
            for *entry, key, checksum in rows
            if checksum == _checksum(key, recipe, entry)
        }
    return {}


def write_index(folder: Path, recipe: str, seen: Mapping[str, Seen]) -> None:
    """Keep what was seen, if the folder lets anything be kept.

    Entries of other recipes stay, so that several descriptors can go through one folder.
    """
    rows = [
        (name := os.fsencode(key), recipe, *entry, _checksum(name, recipe, entry))
        for key, entry in seen.items()
    ]
    for _ in range(2):
        try:
            with _opened(folder) as database, database:
                database.execute(_TABLE)
                database.executemany(
                    f"INSERT OR REPLACE INTO looks VALUES ({', '.join('?' * 11)})", rows
                )
            return
        except sqlite3.OperationalError:
            return  # Read-only, full or busy.
        except sqlite3.DatabaseError:
            # What a killed run was about to undo in it goes with it.
            for file in (f"{_NAME}-journal", _NAME):
                with suppress(OSError):
                    (folder / file).unlink()


def _checksum(key: bytes, recipe: str, entry: Iterable[Any]) -> int:
    return zlib.crc32(repr([key, recipe, *map(str, entry)]).encode())


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / _NAME, timeout=_BUSY_SECONDS)) as database:
        # Of a cache nothing is lost that the files don't tell.
        database.execute("PRAGMA synchronous = OFF")
        yield database
