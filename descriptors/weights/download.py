"""One file of a repository into the cache: resumed where it stopped, and checked."""

import hashlib
import os
import re
from pathlib import Path
from time import sleep

from .answers import is_network_error
from .errors import DownloadError
from .hub import LEAST, RemoteFile, Repository
from .patience import TRIES, patiently
from .progress import Progress


def download(repository: Repository, file: RemoteFile, progress: Progress) -> None:
    """Bring a file's content to its place in the cache, from the byte where the last try stopped.

    What has arrived stays beside that place if the download stops for whatever reason, Ctrl-C
    included. Before the file gets its place its length and its hash are compared with what the
    repository states. Raises `DownloadError` if the connection is lost time and again without
    much arriving, or if what arrives is not what the repository states.
    """
    # The downloader of the hub's library drops what has arrived if it is stopped, compares no
    # hash, and writes wherever the server's ETag leads.
    blob, _ = repository.places(file)
    part = _part(blob)
    fruitless = 0
    while not is_whole(part, file):
        start = _length(part)
        try:
            patiently(lambda: _receive(repository, file, part, progress), progress.say)
        except Exception as error:
            if not is_network_error(error):
                raise
            fruitless = 0 if _length(part) >= start + LEAST else fruitless + 1
            if fruitless == TRIES:
                raise
            progress.say(f"{file.name}: the connection was lost, going on from there")
            sleep(2**fruitless)
    # The id of a git object: its kind and length belong to what is hashed.
    git = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with part.open("r+b") as content:
        digest = hashlib.file_digest(
            content, hashlib.sha256 if len(file.etag) == 64 else lambda: git
        )
        os.fsync(content.fileno())
    if digest.hexdigest() != file.etag:
        part.unlink()
        progress.advance(-file.size)
        raise DownloadError(
            f"{repository.name}: {file.name} arrived damaged: its hash is not the one stated",
            hint="it was removed; run the same command again to get it anew",
        )
    os.replace(part, blob)


def is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether a file is there, as long as it should be."""
    return path.is_file() and _length(path) == file.size


def local_size(repository: Repository, file: RemoteFile) -> int:
    """The bytes of a file that are here: all of them, or those of a part."""
    places = repository.places(file)
    if any(is_whole(place, file) for place in places):
        return file.size
    length = _length(_part(places[0]))
    return length if length <= file.size else 0


def _receive(repository: Repository, file: RemoteFile, part: Path, progress: Progress) -> None:
    """Add what the server sends to the part that is here."""
    start = _length(part)
    if start > file.size or not part.is_file():
        part.unlink(missing_ok=True)
        start = 0
    path = f"/{repository.name}/resolve/{repository.commit}/{file.name}"
    with repository.hub.get(path, start) as response, part.open("ab") as target:
        resumed = response.status_code == 206
        header = response.headers.get("Content-Range" if resumed else "Content-Length", "")
        length = re.search(r"(?:^|/)([0-9]{1,18})$", header)
        if length and int(length[1]) != file.size:
            raise DownloadError(
                f"{repository.name}: {file.name} has {int(length[1]):,} bytes, and the repository "
                f"states {file.size:,}",
                hint="try it later; if it stays so, the repository or the mirror is broken",
            )
        if start and not resumed:
            # The server sends the file from its beginning, whatever was asked.
            target.truncate(0)
            progress.advance(-start)
            start = 0
        for block in repository.hub.blocks(response):
            count = target.write(block[: file.size - start])
            progress.advance(count)
            start += count
            if count < len(block):
                break
    if start < file.size:
        raise ConnectionError("its answer ends early")


def _part(blob: Path) -> Path:
    """Where the cache holds what has arrived of a file; a link in its place is removed."""
    part = blob.with_name(f"{blob.name}.incomplete")
    if part.is_symlink():
        part.unlink()
    return part


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
