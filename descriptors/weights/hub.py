"""The hub as a pull sees it: what a repository holds, and the bytes of a file from any place on."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .answers import no_hub
from .cache import cache_folder, repository_folder
from .errors import UnusableRepositoryError


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository: its path there, its bytes, and the name of its content in the cache.

    That is the sha256 of a large file, else the object id that git gives it.
    """

    name: str
    size: int
    etag: str


@dataclass(frozen=True)
class Repository:
    """A repository ("owner/name") at one commit: its files by name, its hub, and the cache."""

    name: str
    commit: str
    files: Mapping[str, RemoteFile]
    endpoint: str
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
        """Where the cache holds a file's content, and where the file of the commit stands."""
        return self.root / "blobs" / file.etag, self.snapshot / file.name

    def file(self, name: str) -> RemoteFile:
        """The file of this name; `UnusableRepositoryError` if there is none."""
        if name not in self.files:
            raise UnusableRepositoryError(f"{self.name} has no {name}")
        return self.files[name]

    @contextmanager
    def stream(self, file: RemoteFile, start: int) -> Iterator[Any]:
        """The answer to a request for a file from byte `start` on, its body not yet read.

        An answer with status 206 begins there; with 200 it is the whole file. Raises what the
        hub's library raises for a refusal.
        """
        from huggingface_hub import constants, get_session, hf_hub_url, hf_raise_for_status, utils

        url = hf_hub_url(self.name, file.name, revision=self.commit, endpoint=self.endpoint)
        headers = utils.build_hf_headers(**_caller())  # type: ignore[attr-defined]
        # A compressed answer has other bytes than the file, and no place in it could be named.
        headers["Accept-Encoding"] = "identity"
        if start:
            headers["Range"] = f"bytes={start}-"
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
            hf_raise_for_status(response)
            yield response

    def link(self, file: RemoteFile) -> None:
        """Give a file whose content is in the cache its place in the folder of the commit."""
        from huggingface_hub import hf_hub_download

        hf_hub_download(
            self.name,
            file.name,
            revision=self.commit,
            cache_dir=self.cache,
            endpoint=self.endpoint,
            **_caller(),
        )


def hub_address() -> str:
    """The address in `HF_ENDPOINT`, without a slash at its end; the public hub's if it isn't set.

    The hub's library reads the environment once, when it is first imported; this says what it holds
    at the time of the pull, and each call of the library is handed it.
    """
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def read_repository(name: str) -> Repository:
    """The repository of this name on the hub, as its main branch stands.

    Raises what the hub's library raises, and `DownloadError` if the answer is not a hub's.
    """
    from huggingface_hub import HfApi, constants

    endpoint = hub_address()
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    try:
        answer = HfApi(endpoint, **_caller()).model_info(name, files_metadata=True, timeout=timeout)
        if not answer.sha:
            raise ValueError("it states no commit")
        files = {one.rfilename: _remote_file(one) for one in answer.siblings or ()}
    except (ValueError, KeyError, TypeError) as error:
        raise no_hub(endpoint, error) from error
    return Repository(name, answer.sha, files, endpoint, cache_folder())


def _remote_file(one: Any) -> RemoteFile:
    large = one.lfs
    size, etag = (large.size, large.sha256) if large is not None else (one.size, one.blob_id)
    if size is None or not etag:
        raise ValueError(f"it states no size for {one.rfilename}")
    return RemoteFile(name=one.rfilename, size=size, etag=etag)


def _caller() -> dict[str, Any]:
    """What the hub's library tells the hub of who asks."""
    return {"library_name": "descr", "library_version": version("descr-sdk")}
