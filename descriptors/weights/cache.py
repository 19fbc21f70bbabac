"""Where weights lie: the cache that every library of the hub shares, and a folder of our own."""

import os
from contextlib import suppress
from pathlib import Path

from ..runtime.home import data_folder
from .errors import DownloadError


def cache_folder() -> Path:
    """The folder of the hub's cache, by the variables of the environment that say where it is.

    `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`, else `huggingface/hub`
    in `XDG_CACHE_HOME`, which is `~/.cache` if it isn't set. They are read at each call.
    """
    shared = os.environ.get("XDG_CACHE_HOME", os.path.join("~", ".cache"))
    home = os.environ.get("HF_HOME", os.path.join(shared, "huggingface"))
    older = os.environ.get("HUGGINGFACE_HUB_CACHE", os.path.join(home, "hub"))
    folder = os.environ.get("HF_HUB_CACHE", older)
    return Path(os.path.expandvars(os.path.expanduser(folder)))


def captioner_folder(name: str) -> Path:
    """The folder of a converted captioner: `captioners/NAME` in the folder of `data_folder`."""
    return data_folder() / "captioners" / name


def repository_folder(repository: str, cache: Path) -> Path:
    """The folder of one repository ("owner/name") in the cache, there or not."""
    return cache / "--".join(("models", *repository.split("/")))


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder below another; `DownloadError` if a link between the two leads elsewhere."""
    if os.path.realpath(folder) != os.path.join(os.path.realpath(root), folder.relative_to(root)):
        hint = "remove the link, and pull again"
        raise DownloadError(f"{folder}: a link leads out of the cache", hint=hint)
    folder.mkdir(parents=True, exist_ok=True)


def snapshots(repository: str, cache: Path) -> list[Path]:
    """The folders of a repository's commits in the cache, each named by its commit.

    That of the branch `main`, when it was last asked for, comes first, then the youngest.
    """
    root = repository_folder(repository, cache)
    try:
        folders = [path for path in (root / "snapshots").iterdir() if path.is_dir()]
    except OSError:
        return []
    main, commit = root / "refs" / "main", b""
    with suppress(OSError):
        # No more of it than a commit has: it may be a pipe, or a link to anything.
        if main.is_file():
            with main.open("rb") as file:
                commit = file.read(41).strip()
    folders.sort(key=lambda path: (-path.stat().st_mtime, path.name))
    return sorted(folders, key=lambda path: os.fsencode(path.name) != commit)
