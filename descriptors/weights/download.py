"""One file of a repository into the cache: resumed where it stopped, waited for, and checked."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import TypeVar

from .errors import DownloadError, is_network_error
from .hub import LEAST, RemoteFile, Repository

T = TypeVar("T")

TRIES = 5
LONGEST = 120
"""Seconds beyond which waiting is left to the user."""

_BUSY = frozenset({408, 429, 500, 502, 503, 504})
# The seconds in `Retry-After`, or in `RateLimit`, as `"api";r=0;t=55`: r requests are left, and the
# count begins anew in t seconds (IETF draft-ietf-httpapi-ratelimit-headers-09).
_AFTER = re.compile(r"\s*([0-9]{1,9})\s*$")
_LIMIT = re.compile(r"[^;]*;\s*r=0;\s*t=([0-9]{1,9})\b")


class Progress:
    """Told of each step of a pull, as `descr models pull` draws a bar from it: tells nobody."""

    def start(self, total: int, done: int) -> None:
        """The download begins: `total` bytes, of which `done` are here already."""

    def file(self, name: str) -> None:
        """The file that is being got from here on."""

    def advance(self, count: int) -> None:
        """So many more bytes are here; less than 0 where some had to be given up."""

    def say(self, text: str) -> None:
        """One line that is worth reading: another repository, a wait, a lost connection."""


def retry_while_busy(ask: Callable[[], T], say: Callable[[str], None]) -> T:
    """What `ask` returns, asked again while the hub is busy or asks to wait; `say` tells each wait.

    At most 5 times, with the waits that the hub states, else of 1, 2, 4 and 8 seconds; an answer
    that states more than two minutes is the last.
    """
    from huggingface_hub.errors import HfHubHTTPError

    for attempt in range(1, TRIES + 1):
        try:
            return ask()
        except HfHubHTTPError as error:
            status, headers = error.response.status_code, error.response.headers
            wait = _AFTER.match(headers.get("retry-after", ""))
            wait = wait or _LIMIT.match(headers.get("ratelimit", ""))
            seconds = int(wait[1]) if wait else 2 ** (attempt - 1)
            if status not in _BUSY or attempt == TRIES or seconds > LONGEST:
                raise
            say(f"the hub is busy ({status}): waiting {seconds} s, try {attempt} of {TRIES}")
            sleep(seconds)
    raise AssertionError("the last try returns or raises")


def download(repository: Repository, file: RemoteFile, progress: Progress) -> None:
    """Bring a file's content to its place in the cache, from the byte where the last try stopped.

    What has arrived stays beside that place whatever stops the download, Ctrl-C included. Raises
    `DownloadError` if the connection is lost time and again without much arriving, or if length or
    hash are not those that the repository states.
    """
    # The downloader of the hub's library (as of 2.4) drops what has arrived if it is stopped,
    # compares no hash, waits for a server that drips, and writes wherever its ETag leads.
    blob, _ = repository.places(file)
    part = _part(blob)
    fruitless = 0
    while not is_whole(part, file):
        start = _length(part)
        try:
            retry_while_busy(lambda: _receive(repository, file, part, progress), progress.say)
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
    kind = hashlib.sha256 if len(file.etag) == 64 else lambda: git
    with part.open("r+b") as content:
        digest = hashlib.file_digest(content, kind)
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
