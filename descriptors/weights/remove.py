"""The weights of a model off this machine."""

import shutil
from pathlib import Path

from ..errors import OutputError
from ..runtime.quiet import hub_silenced
from .cache import cache_folder, captioner_folder, repository_folder
from .hub import hub_address
from .table import find_model


def holdings(name: str) -> list[Path]:
    """The folders that hold something of a model, whole or in part; `OptionError` if unknown."""
    model, cache = find_model(name), cache_folder().resolve()
    folders = [repository_folder(repository, cache) for repository in model.repositories]
    return [folder for folder in folders or [captioner_folder(name)] if folder.is_dir()]


def remove(name: str) -> int:
    """The bytes freed by removing a model from this machine; 0 if nothing of it was there.

    The folders of the model's repositories in the hub's cache go as a whole: all commits, and what
    pulls that were stopped have left. Other repositories are not touched, nor what links lead to.

    Raises:
        OptionError, DownloadError: The name is not known; `HF_ENDPOINT` is no address of a hub.
        OutputError: Something of it can't be removed, or its folder is a link.
    """
    hub_address()  # With one that is none, the hub's library can't be imported.
    from huggingface_hub import DeleteCacheStrategy

    folders, cache = holdings(name), cache_folder().resolve()
    for folder in filter(Path.is_symlink, folders):
        raise OutputError(f"{folder}: is a link to {folder.resolve()}", hint="remove both by hand")
    # The hub's library keeps contents that repositories share in a folder of its own.
    places = [*folders, cache / "blobs"]
    before, none = _size(places), frozenset[Path]()
    try:
        with hub_silenced():
            DeleteCacheStrategy(
                0, blobs=none, refs=none, repos=frozenset(folders), snapshots=none, cache_dir=cache
            ).execute()
        # It keeps to itself what it is not permitted to remove.
        for folder in filter(Path.exists, folders):
            shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(
            f"{error.filename or name}: can't be removed: {error.strerror or error}",
            hint="change its permissions, or remove it by hand",
        ) from error
    return before - _size(places)


def _size(folders: list[Path]) -> int:
    """The bytes of all files in these folders, without following links."""
    paths = (path for folder in folders if not folder.is_symlink() for path in folder.rglob("*"))
    return sum(path.lstat().st_size for path in paths if path.is_file() and not path.is_symlink())
