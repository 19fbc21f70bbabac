"""The hub as a pull sees it: its answers within bounds, and what a repository holds."""

import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from .cache import cache_folder, make_folder, repository_folder
from .errors import DownloadError, UnusableRepositoryError, is_network_error, no_hub
from .reading import shorten

ANSWER_SECONDS = 60.0
"""How long an answer may take to begin, all its redirects included."""
SLOW_SECONDS, LEAST = 120.0, 120_000
"""A connection that brings fewer bytes than that in so many seconds counts as lost."""
LARGEST_LISTING = 8 << 20
"""The bytes that the list of a repository's files may have; it arrives within `SLOW_SECONDS`."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)


@dataclass(frozen=True)
class Hub:
    """A hub at an address, with the event loop, in a thread of its own, that awaits its answers.

    A timeout of the HTTP library begins anew with each byte; what is awaited can be given up.
    """

    endpoint: str
    portal: Any
    client: Any

    @contextmanager
    def get(self, path: str, start: int = 0) -> Iterator[Any]:
        """The answer to a request for the bytes of a path from `start` on, its body not yet read.

        An answer with status 206 begins there; with 200 it is the whole. Raises `HfHubHTTPError`
        for a refusal, `TimeoutError` if no answer begins within `ANSWER_SECONDS`.
        """
        from huggingface_hub import constants, errors, utils

        headers = {"Range": f"bytes={start}-"} if start else {}
        # A compressed answer has other bytes than the file, and no place in it could be named.
        headers["Accept-Encoding"] = "identity"
        headers |= utils.build_hf_headers(  # type: ignore[attr-defined]
            library_name="descr", library_version=version("descr-sdk")
        )
        timeout, url = constants.HF_HUB_DOWNLOAD_TIMEOUT, self.endpoint + path
        try:
            request = self.client.build_request("GET", url, headers=headers, timeout=timeout)
            response = self.portal.call(_within, ANSWER_SECONDS, self._send, request)
        except Exception as error:
            if isinstance(error, DownloadError) or is_network_error(error):
                raise
            reason = "its address, one that it leads to, or HF_TOKEN is not valid"
            raise no_hub(self.endpoint, reason) from error
        try:
            if response.is_error:
                raise errors.HfHubHTTPError(str(response), response=response)
            if response.status_code not in (200, 206):
                raise no_hub(self.endpoint, f"its status is {response.status_code}")
            yield response
        finally:
            self.portal.call(response.aclose)

    def blocks(self, response: Any, least: int = LEAST) -> Iterator[bytes]:
        """The body of an answer as it is sent, in no way unpacked.

        Raises `TimeoutError` where `SLOW_SECONDS` bring fewer bytes than `least`.
        """
        body, owed, deadline = response.aiter_raw(), 0, 0.0
        while True:
            if owed <= 0:
                owed, deadline = least, monotonic() + SLOW_SECONDS
            block = self.portal.call(_within, deadline - monotonic(), anext, body, None)
            if block is None:
                return
            owed -= len(block)
            yield block

    async def _send(self, request: Any) -> Any:
        # The library would read the body of each redirect, however long it is.
        for _ in range(10):
            response = await self.client.send(request, stream=True, follow_redirects=False)
            request = response.next_request
            if request is None:
                return response
            await response.aclose()
        raise no_hub(self.endpoint, "its redirects have no end")


async def _within(seconds: float, ask: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    from anyio import move_on_after

    with move_on_after(max(0.0, seconds)):
        return await ask(*arguments)
    raise TimeoutError("its answer is too slow")


@contextmanager
def connected() -> Iterator[Hub]:
    """The hub that the environment names, to be asked within the block."""
    from anyio.from_thread import start_blocking_portal
    from huggingface_hub import get_async_session

    with start_blocking_portal() as portal:
        try:
            client = get_async_session()
        except Exception as error:
            message = f"can't connect to {hub_address()}: {shorten(error)}"
            hint = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and SSL_CERT_FILE"
            raise DownloadError(message, hint=hint) from error
        # They would unpack the body of a refusal into memory.
        client.event_hooks = {}
        with portal.wrap_async_context_manager(client):
            yield Hub(hub_address(), portal, client)


def hub_address() -> str:
    """The hub's address, by `HF_ENDPOINT`, no slash at its end; `DownloadError` if it is none."""
    address = os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
    with suppress(ValueError):
        parts = urlsplit(address)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return address
    message = f"HF_ENDPOINT is not the address of a hub: {shorten(address)}"
    raise DownloadError(message, hint="write it as in https://huggingface.co, or unset it")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository: its path there, its bytes, its sha256 or else git's id of it."""

    name: str
    size: int
    etag: str


@dataclass(frozen=True)
class Repository:
    """A repository ("owner/name") at one commit, what its hub states of each file, and the cache.

    `file` alone reads `listing`, whose every word may be a lie.
    """

    name: str
    commit: str
    listing: Mapping[str, Any]
    hub: Hub
    cache: Path

    @property
    def root(self) -> Path:
        """Its folder in the cache."""
        return repository_folder(self.name, self.cache)

    @property
    def snapshot(self) -> Path:
        """The folder of the commit in the cache."""
        return self.root / "snapshots" / self.commit

    def places(self, file: RemoteFile) -> tuple[Path, Path]:
        """Where the cache holds a file's content, and where the file of the commit stands.

        The folders of both are there afterwards. Raises `DownloadError` if a link leads out.
        """
        blob, placed = self.root / "blobs" / file.etag, self.snapshot / file.name
        for place in (blob, placed):
            make_folder(place.parent, self.root)
        return blob, placed

    def file(self, name: str) -> RemoteFile:
        """The file of this name; `DownloadError` if there is none that can lie in the cache."""
        if not _NAME.fullmatch(name):
            raise DownloadError(f"{self.name} names a file that is none of its own: {name[:99]!a}")
        if name not in self.listing:
            raise UnusableRepositoryError(f"{self.name} has no {name}")
        with suppress(LookupError, TypeError):
            one = self.listing[name]
            large = one.get("lfs")
            size, etag = (large["size"], large["sha256"]) if large else (one["size"], one["blobId"])
            if type(size) is int and 0 <= size < 1 << 50 and _DIGEST.fullmatch(etag):
                return RemoteFile(name, size, etag)
        raise no_hub(self.hub.endpoint, f"it states no size and hash for {name}")


def read_repository(hub: Hub, name: str) -> Repository:
    """The repository of this name on the hub, as its main branch stands."""
    content = bytearray()
    with hub.get(f"/api/models/{name}?blobs=true") as response:
        for block in hub.blocks(response, least=LARGEST_LISTING):
            content += block
            if len(content) > LARGEST_LISTING:
                raise no_hub(hub.endpoint, f"its list of the files of {name} is too long")
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        answer = json.loads(content)
        commit, listing = answer["sha"], {one["rfilename"]: one for one in answer["siblings"]}
        if _COMMIT.fullmatch(commit):
            return Repository(name, commit, listing, hub, cache_folder())
    raise no_hub(hub.endpoint, f"it gives no list of the files of {name}")
