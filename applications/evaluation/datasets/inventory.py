"""What a copy of a data set lacks, as one message."""

import os
from pathlib import Path

from .annotations import DatasetError

SHOWN = 3
"""How many names of a kind a message spells out."""
PLACES = 8
"""How many folders it spells out."""


class Inventory:
    """The files that a data set needs, looked up one by one; those that are absent or empty.

    `title` is how messages call the data set; `hint` says what to do where something is missing.
    """

    def __init__(self, root: Path, *, title: str, hint: str) -> None:
        self.root = root
        self.title = title
        self.hint = hint
        self.count = 0
        self._seen: set[Path] = set()
        self._absent: dict[Path, list[str]] = {}
        self._folders: dict[Path, int] = {}
        self._unlisted: list[Path] = []
        self._empty: list[Path] = []

    def need(self, path: Path) -> None:
        """Look up one file; one that was looked up before is not counted again."""
        if path in self._seen:
            return
        self._seen.add(path)
        self.count += 1
        try:
            size = os.stat(path).st_size
        except OSError:
            folder = self._absent_folder(path)
            if folder is None:
                self._absent.setdefault(path.parent, []).append(path.name)
            else:
                self._folders[folder] = self._folders.get(folder, 0) + 1
            return
        if size == 0:
            self._empty.append(path)

    def need_folder(self, path: Path) -> None:
        """Look up a folder whose files are not known by name."""
        if not path.is_dir():
            self._unlisted.append(path)

    def raise_if_incomplete(self) -> None:
        """Raise `DatasetError` if anything is absent or empty."""
        wholes = [f"no folder {self._relative(folder)}" for folder in self._unlisted]
        if lacks := [*_places(wholes), *_places(self._files_lacking())]:
            raise DatasetError(
                f"{self.title} in {self.root} is incomplete: {'; '.join(lacks)}", hint=self.hint
            )

    def _files_lacking(self) -> list[str]:
        lacking = (
            sum(self._folders.values())
            + sum(len(names) for names in self._absent.values())
            + len(self._empty)
        )
        if not lacking:
            return []
        parts = [
            f"the folder {self._relative(folder)} ({_files(count)})"
            for folder, count in sorted(self._folders.items())
        ]
        parts += [
            f"{len(names)} in {self._relative(folder)} ({_some(sorted(names))})"
            for folder, names in sorted(self._absent.items())
        ]
        if self._empty:
            names = [self._relative(path) for path in sorted(self._empty)]
            parts.append(f"{len(names)} empty ({_some(names)})")
        parts[0] = f"{lacking} of {_files(self.count)} missing: {parts[0]}"
        return parts

    def _absent_folder(self, path: Path) -> Path | None:
        """The highest folder above `path`, within the data set, that does not exist."""
        absent = None
        for folder in path.parents:
            if folder == self.root or folder.is_dir():
                break
            absent = folder
        return absent

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path != self.root else "."


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _some(names: list[str]) -> str:
    rest = len(names) - SHOWN
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _places(parts: list[str]) -> list[str]:
    rest = len(parts) - PLACES
    if rest <= 0:
        return parts
    return [*parts[:PLACES], f"and in {rest} more {'folder' if rest == 1 else 'folders'}"]
