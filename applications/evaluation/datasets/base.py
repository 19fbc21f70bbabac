"""What every data set of pairs promises."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ....descriptors.settings import Configurable, unknown
from ...flow import FlowError, read_flo
from .annotations import DatasetError, read_labels
from .inventory import Inventory
from .pair import Pair, Picture

Truth: TypeAlias = Literal["points", "flow", "masks"]


@dataclass(frozen=True)
class Entry:
    """One pair of the list, before its annotation is read; name and category are as in `Pair`.

    `origin` is what `_read` makes the pair from, in whatever form suits the data set.
    """

    name: str
    category: str
    origin: Any = field(default=None, kw_only=True, compare=False)


class _ClassName:
    """The name of the class, where it states no other."""

    def __get__(self, dataset: object, kind: type) -> str:
        return kind.__name__


class Dataset(Configurable, ABC):
    """Pairs of images with what is true of them, read from the data set's original folders.

    A subclass writes `_list` and `_read`, and states what differs from the defaults below. The list
    is read when it is first asked for, the annotation of a pair when the pair is; neither opens an
    image, and nothing is ever downloaded. Iterating gives `Pair` objects in one order, the same on
    every machine.

    Args:
        root: The folder of the data set.
        category: The category, or several, whose pairs are wanted; None for all.

    Raises:
        DatasetError: Something that was to be read is missing or damaged.
        OptionError: A category that the data set does not have.
    """

    name: ClassVar[str] = cast(str, _ClassName())
    """What the data set goes by, as in `spair-71k`; the name of the class by default."""
    title: ClassVar[str] = cast(str, _ClassName())
    """How it is written, as in `SPair-71k`; the name of the class by default."""
    citation: ClassVar[str] = ""
    """Authors, title, where it was published."""
    website: ClassVar[str] = ""
    """Where to get it."""
    truth: ClassVar[Truth] = "points"
    """What is known of a pair: common points, a flow, or masks."""
    flow_lies_on: ClassVar[Literal["source", "target"] | None] = None
    """The image whose pixels the flow starts from; None where there is no flow."""
    published: ClassVar[Mapping[str, int]] = {}
    """How many pairs were published, by split; by "" where there are no splits."""

    def __init__(
        self, root: str | os.PathLike[str], *, category: str | Sequence[str] | None = None
    ) -> None:
        self.root = str(Path(root))
        if isinstance(category, str):
            category = (category,)
        self.category = None if category is None else tuple(category)

    @property
    def folder(self) -> Path:
        """The folder of the data set."""
        return Path(self.root)

    def hint(self, advice: str) -> str:
        """The advice, and where the data set is to be had if that is known."""
        return f"{advice}; it is to be had at {self.website}" if self.website else advice

    @property
    def published_pairs(self) -> int | None:
        """How many pairs the published data set has with these settings; None if not known."""
        return self.published.get(getattr(self, "split", "")) if self.category is None else None

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Name and category of each pair, in the order of the pairs."""
        self._need_folder()
        entries = tuple(self._list())
        if self.category is None:
            return entries
        self._check_categories(entry.category for entry in entries)
        return tuple(entry for entry in entries if entry.category in self.category)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the pairs, each once, sorted."""
        return tuple(sorted({entry.category for entry in self.entries}))

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Pair:
        return self._read(self.entries[index])

    def __iter__(self) -> Iterator[Pair]:
        return self.pairs()

    def pairs(self, indices: Iterable[int] | None = None) -> Iterator[Pair]:
        """The pairs one after the other, or those at these indices; each is read when it is due."""
        for index in range(len(self)) if indices is None else indices:
            yield self[index]

    def images(self, indices: Iterable[int] | None = None) -> dict[str, Path]:
        """The image files of the pairs, or of those at these indices, each once, by `key`."""
        return {
            picture.key: picture.path
            for pair in self.pairs(indices)
            for picture in (pair.source, pair.target)
        }

    def labels(self, picture: Picture) -> npt.NDArray[np.uint8]:
        """The values of a picture's mask, uint8 (height, width): indices of a palette, or grey.

        Raises `DatasetError` for a picture without a mask, or a mask that can't be read.
        """
        if picture.mask is None:
            raise DatasetError(f"{self.title} has no mask of {picture.key}")
        return read_labels(picture.mask)

    def mask(self, picture: Picture) -> npt.NDArray[np.bool_]:
        """Where the object is, by the rules of the data set: bool (height, width)."""
        return np.asarray(self.labels(picture) != 0)

    def flow(self, pair: Pair) -> npt.NDArray[np.float32]:
        """The true flow of a pair, float32 (height, width, 2): along x and y, in pixels.

        NaN where it is not known. Raises `DatasetError` for a pair without a flow, or a file that
        can't be read.
        """
        if pair.flow is None:
            raise DatasetError(f"{self.title} has no flow of {pair.name}")
        try:
            flow = read_flo(pair.flow)
        except FlowError as error:
            raise DatasetError(error.message, hint=error.hint) from error
        return np.stack([flow["flow_x"].values, flow["flow_y"].values], axis=-1)

    def check(self) -> None:
        """Raise `DatasetError` unless every file is there that the pairs need, and is not empty.

        The message says what is missing, and how many of how many. Images are not opened.
        """
        self._need_folder()
        hint = self.hint("copy it again")
        inventory = Inventory(self.folder, title=self.title, hint=hint)
        for folder in self._folders():
            inventory.need_folder(folder)
        inventory.raise_if_incomplete()
        for path in self._files():
            inventory.need(path)
        inventory.raise_if_incomplete()
        if not len(self):
            raise DatasetError(f"{self.title} in {self.root} has no pairs", hint=hint)

    @abstractmethod
    def _list(self) -> Iterable[Entry]:
        """Every pair of the data set, in its order, read without opening images."""

    @abstractmethod
    def _read(self, entry: Entry) -> Pair:
        """The pair of this entry."""

    def _key(self, path: Path) -> str:
        """What an image goes by: its path below the root."""
        return path.relative_to(self.folder).as_posix()

    def _folders(self) -> Iterable[Path]:
        """Folders that must be there, whatever they should hold."""
        return ()

    def _files(self) -> Iterator[Path]:
        """Every file that the pairs need, those that are missing too."""
        for pair in self:
            for picture in (pair.source, pair.target):
                yield picture.path
                if picture.mask is not None:
                    yield picture.mask
            if pair.flow is not None:
                yield pair.flow

    def _check_categories(self, names: Iterable[str]) -> None:
        """Raise `OptionError` for a category that was asked for and is none of these."""
        categories = sorted(set(names))
        for category in self.category or ():
            if category not in categories:
                raise unknown(f"category of {self.title}", category, categories)

    def _need_folder(self, *parts: str) -> Path:
        """The root, or a folder below it; if it is missing, `DatasetError` with what lies there."""
        folder = self.folder.joinpath(*parts)
        if folder.is_dir():
            return folder
        hint = self.hint("give the folder it was unpacked to")
        if not self.folder.is_dir():
            there = "is not a folder" if self.folder.exists() else "does not exist"
            raise DatasetError(f"{self.title}: {self.root} {there}", hint=hint)
        inner = [one.name for one in sorted(self.folder.iterdir()) if one.is_dir()]
        for name in inner:
            if self.folder.joinpath(name, *parts).is_dir():
                raise DatasetError(
                    f"{self.root} has no folder {'/'.join(parts)}",
                    hint=f"{self.title} seems to lie in {self.folder / name}: give that folder",
                )
        holds = f"it holds {', '.join(inner[:5])}" if inner else "it holds no folders"
        missing = f"{self.title}: {self.root} has no folder {'/'.join(parts)} ({holds})"
        raise DatasetError(missing, hint=hint)
