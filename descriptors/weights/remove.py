"""The weights of a model off this machine."""

import shutil
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..runtime.quiet import hub_silenced
from .cache import cache_folder, captioner_folder, repository_folder
from .download import INCOMPLETE
from .table import Model, find_model


def holdings(name: str) -> list[Path]:
    """The folders that hold something of a model, whole or in part.

    Raises `OptionError` for a name that is not known.
    """
    return _folders(find_model(name), cache_folder().resolve())


def remove(name: str) -> int:
    """The bytes freed by removing a model from this machine; 0 if nothing of it was there.

    All commits of the model's repositories are removed from the hub's cache, and what pulls
    that were stopped have left. Other repositories are not touched.

    Raises
    ------
    OptionError
        If the name is not known.
    OutputError
        If something of it can't be removed.
    """
    model = find_model(name)
    cache = cache_folder().resolve()
    folders = _folders(model, cache)
    if folders and not model.repositories:
        freed = sum(path.stat().st_size for path in folders[0].rglob("*") if path.is_file())
        _remove_folder(folders[0])
        return freed
    if not folders:
        return 0
    freed = sum(
        part.stat().st_size for folder in folders for part in folder.glob(f"blobs/*{INCOMPLETE}")
    )
    with hub_silenced():
        # Once for each repository at most: a mirror may have the same commits, and one name
        # removes only one of them.
        for _ in folders:
            strategy = _strategy(cache, folders)
            if strategy is None:
                break
            freed += strategy.expected_freed_size
            strategy.execute()
    for folder in folders:
        if folder.exists():
            # Nothing that counts as a commit: what a stopped pull has left, or a damaged cache.
            blobs = (path for path in folder.glob("blobs/*") if path.suffix != INCOMPLETE)
            freed += sum(path.lstat().st_size for path in blobs)
            _remove_folder(folder)
    return freed


def _folders(model: Model, cache: Path) -> list[Path]:
    found = [repository_folder(repository, cache) for repository in model.repositories]
    found = found or [captioner_folder(model.name)]
    return [folder for folder in found if folder.is_dir()]


def _strategy(cache: Path, folders: list[Path]) -> Any:
    """What to delete, as the hub's library works it out: the commits that lie in these folders."""
    from huggingface_hub import scan_cache_dir

    scanned = scan_cache_dir(cache)
    commits = [
        revision.commit_hash
        for repository in scanned.repos
        if repository.repo_path in folders
        for revision in repository.revisions
    ]
    return scanned.delete_revisions(*commits) if commits else None


def _remove_folder(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(
            f"{error.filename or folder}: can't be removed: {error.strerror}",
            hint="change its permissions, or remove it by hand",
        ) from error
