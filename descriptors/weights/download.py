"""One file of a repository into the cache: resumed where it stopped, and checked."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from time import sleep
from typing import Any

from .answers import is_network_error
from .errors import DownloadError
from .hub import RemoteFile, Repository
from .patience import TRIES, patiently
from .progress import Progress

INCOMPLETE = ".incomplete"
"""What the cache calls a file that has not arrived whole; it lies beside its place."""

_BLOCK = 1 << 20


def download(repository: Repository, file: RemoteFile, progress: Progress) -> None:
    """Bring a file's content to its place in the cache, from the byte where the last try stopped.

    What has arrived stays beside that place if the download stops for whatever reason, Ctrl-C
    included. Before the file gets its place its length and its hash are compared with what the
    repository states. Raises `DownloadError` if the connection is lost time and again without a
    byte arriving, or if what arrives is not what the repository states.
    """
    blob, _ = repository.places(file)
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(blob.name + INCOMPLETE)
    fruitless = 0
    while True:
        start = _length(part)
        if start == file.size and part.exists():
            break
        try:
            patiently(lambda: _receive(repository, file, part, progress), progress.say)
        except Exception as error:
            if not is_network_error(error):
                raise
            fruitless = 0 if _length(part) > start else fruitless + 1
            if fruitless == TRIES:
                raise
            progress.say(f"{file.name}: the connection was lost, going on from there")
            sleep(2**fruitless)
    if _hash(part, file) != file.etag:
        part.unlink()
        progress.advance(-file.size)
        raise DownloadError(
            f"{repository.name}: {file.name} arrived damaged: its hash is not the one stated",
            hint="it was removed; run the same command again to get it anew",
        )
    with part.open("r+b") as written:
        os.fsync(written.fileno())
    os.replace(part, blob)


def is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether a file is there, as long as it should be."""
    return path.is_file() and path.stat().st_size == file.size


def arrived(places: Iterable[Path], file: RemoteFile) -> int:
    """The bytes of a file that are here: all of them in one of its places, or a part beside one."""
    best = 0
    for place in places:
        if is_whole(place, file):
            return file.size
        length = _length(place.with_name(place.name + INCOMPLETE))
        best = max(best, length if length <= file.size else 0)
    return best


def _receive(repository: Repository, file: RemoteFile, part: Path, progress: Progress) -> None:
    """Add what the server sends to the part that is here."""
    start = _length(part)
    if start > file.size:
        part.unlink()
        start = 0
    with repository.stream(file, start) as response, part.open("ab") as target:
        if start and response.status_code != 206:
            # The server sends the file from its beginning, whatever was asked.
            target.truncate(0)
            progress.advance(-start)
            start = 0
        _check_length(_stated_length(response), repository, file)
        for block in response.iter_bytes():
            start += len(block)
            if start > file.size:
                target.truncate(0)
                _check_length(start, repository, file)
            target.write(block)
            progress.advance(len(block))


def _stated_length(response: Any) -> int | None:
    """The length of the whole file by the headers of an answer, None if they don't state it."""
    whole = response.headers.get("Content-Range", "").rpartition("/")[2]
    if not whole and response.status_code == 200:
        whole = response.headers.get("Content-Length", "")
    return int(whole) if whole.isdigit() else None


def _check_length(length: int | None, repository: Repository, file: RemoteFile) -> None:
    if length is not None and length != file.size:
        raise DownloadError(
            f"{repository.name}: {file.name} has {length:,} bytes, and the repository states "
            f"{file.size:,}",
            hint="try it later; if it stays so, the repository or the mirror is broken",
        )


def _hash(path: Path, file: RemoteFile) -> str:
    """The hash of a file's content, of the kind that its stated one is."""
    if len(file.etag) == 64:
        digest = hashlib.sha256()
    else:
        # The id of a git object: its kind and length belong to what is hashed.
        digest = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
