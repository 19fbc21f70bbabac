"""The hub as a pull sees it: what a repository holds, and the bytes of a file from any place on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .answers import no_hub
from .cache import cache_folder

_PUBLIC = "https://huggingface.co"
_LIBRARY = "descr"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository at one commit.

    Parameters
    ----------
    name:
        Its path in the repository.
    size:
        Bytes.
    etag:
        The name that its content has in the cache: the sha256 of a large file, else the object
        id that git gives it.
    """

    name: str
    size: int
    etag: str


@dataclass(frozen=True)
class Hub:
    """A hub and the cache that belongs to it.

    The hub's library reads the environment once, when it is first imported; this holds what the
    environment says at the time of the pull, and hands it over with each call.

    Parameters
    ----------
    endpoint:
        The address, without a slash at its end.
    cache:
        The folder of the cache.
    """

    endpoint: str
    cache: Path

    @classmethod
    def of_environment(cls) -> "Hub":
        """The hub at `HF_ENDPOINT`, the public one if it isn't set, and the cache of the user."""
        endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or _PUBLIC
        return cls(endpoint=endpoint, cache=cache_folder())

    def read_repository(self, repository: str) -> tuple[str, dict[str, RemoteFile]]:
        """The commit that the main branch stands at, and its files by name.

        Raises what the hub's library raises, and `DownloadError` if the answer is not a hub's.
        """
        from huggingface_hub import HfApi, constants

        api = HfApi(endpoint=self.endpoint, library_name=_LIBRARY, library_version=_version())
        try:
            found = api.model_info(
                repository, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT
            )
            if not found.sha:
                raise ValueError("it states no commit")
            return found.sha, {one.rfilename: _remote_file(one) for one in found.siblings or ()}
        except (ValueError, KeyError, TypeError) as error:
            raise no_hub(self.endpoint, error) from error

    @contextmanager
    def stream(self, repository: str, commit: str, name: str, start: int) -> Iterator[Any]:
        """The answer to a request for a file from byte `start` on, its body not yet read.

        An answer with status 206 begins there; with 200 it is the whole file. Raises what the
        hub's library raises for a refusal.
        """
        from huggingface_hub import constants, get_session, hf_hub_url, hf_raise_for_status, utils

        url = hf_hub_url(repository, name, revision=commit, endpoint=self.endpoint)
        headers = utils.build_hf_headers(  # type: ignore[attr-defined]
            library_name=_LIBRARY, library_version=_version()
        )
        # A compressed answer has other bytes than the file, and no place in it could be named.
        headers["Accept-Encoding"] = "identity"
        if start:
            headers["Range"] = f"bytes={start}-"
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
            hf_raise_for_status(response)
            yield response

    def link(self, repository: str, commit: str, name: str) -> Path:
        """Give a file whose content is in the cache its place in the folder of the commit."""
        from huggingface_hub import hf_hub_download

        path = hf_hub_download(
            repository,
            name,
            revision=commit,
            cache_dir=self.cache,
            endpoint=self.endpoint,
            library_name=_LIBRARY,
            library_version=_version(),
        )
        return Path(path)


def _remote_file(one: Any) -> RemoteFile:
    large = one.lfs
    size, etag = (large.size, large.sha256) if large is not None else (one.size, one.blob_id)
    if size is None or not etag:
        raise ValueError(f"it states no size for {one.rfilename}")
    return RemoteFile(name=one.rfilename, size=size, etag=etag)


def _version() -> str:
    return version("descr-sdk")
