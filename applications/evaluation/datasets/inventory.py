"""What a copy of a data set lacks, as one message."""

import os
from collections import Counter, defaultdict
from itertools import takewhile
from pathlib import Path

from .annotations import DatasetError

_NAMES = 3  # how many names of a kind a message spells out
_PLACES = 8  # how many folders it spells out


class Inventory:
    """The files that a data set needs, looked up one by one; those that are absent or empty.

    `title` is how messages call the data set; `hint` says what to do where something is missing.
    """

    def __init__(self, root: Path, *, title: str, hint: str) -> None:
        self.root = root
        self.title = title
        self.hint = hint
        self._seen: set[Path] = set()
        self._absent: dict[Path, list[str]] = defaultdict(list)
        self._folders: Counter[Path] = Counter()
        self._unlisted: list[Path] = []
        self._empty: list[Path] = []

    def need(self, path: Path) -> None:
        """Look up one file; one that was looked up before is not counted again."""
        if path in self._seen:
            return
        self._seen.add(path)
        try:
            if os.stat(path).st_size == 0:
                self._empty.append(path)
        except OSError:
            above = takewhile(lambda one: one != self.root and not one.is_dir(), path.parents)
            if folders := list(above):
                # The highest folder that does not exist.
                self._folders[folders[-1]] += 1
            else:
                self._absent[path.parent].append(path.name)

    def need_folder(self, path: Path) -> None:
        """Look up a folder whose files have no names that are known before."""
        if not path.is_dir():
            self._unlisted.append(path)

    def raise_if_incomplete(self) -> None:
        """Raise `DatasetError` if anything is absent or empty."""
        folders = [f"no folder {self._relative(folder)}" for folder in self._unlisted]
        if faults := [*_shortened(folders), *_shortened(self._missing_files())]:
            raise DatasetError(
                f"{self.title} in {self.root} is incomplete: {'; '.join(faults)}", hint=self.hint
            )

    def _missing_files(self) -> list[str]:
        faults = [
            f"the folder {self._relative(folder)} ({_files(count)})"
            for folder, count in sorted(self._folders.items())
        ]
        faults += [
            f"{len(names)} in {self._relative(folder)} ({_some(sorted(names))})"
            for folder, names in sorted(self._absent.items())
        ]
        if self._empty:
            names = [self._relative(path) for path in sorted(self._empty)]
            faults.append(f"{len(names)} empty ({_some(names)})")
        if faults:
            count = self._folders.total() + len(self._empty)
            count += sum(map(len, self._absent.values()))
            faults[0] = f"{count} of {_files(len(self._seen))} missing: {faults[0]}"
        return faults

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _shortened(faults: list[str]) -> list[str]:
    rest = len(faults) - _PLACES
    if rest <= 0:
        return faults
    return [*faults[:_PLACES], f"and in {rest} more {'folder' if rest == 1 else 'folders'}"]
