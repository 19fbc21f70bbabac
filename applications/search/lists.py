"""Inverted lists: the cells of each shard by what they look like, by which images are found.

FAISS divides the directions of cells into lists (k-means), and keeps each cell in its list, with 8
bits a component. What is trained is one small file of the index; the lists of a shard are a file in
its folder, mapped into memory, of which a search reads what is near the cells that it looks for. As
with tiles, only which images are looked at depends on them.
"""

import hashlib
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from ...descriptors.errors import IndexFileError, OptionError
from ...descriptors.runtime.atomic import whole_file
from .lookup import Rank
from .scan import Vectors
from .shards import Shard, damage, read_file

TILES, FAISS = ENGINES = "tiles", "faiss"
TRAINED, LISTS = ".faiss", ".lists"
_MOST_LISTS = 4096
_SAMPLE = 40  # cells a list is trained with: FAISS wants 39 at least
_PROBES = 32  # lists that are looked through for a cell
_NEAREST = 1024  # cells of a shard that are looked at for one
_GROWTH = 16  # times the cells that it was trained for, after which an index is trained anew
_BLOCK = 1 << 16
_OPEN = 64  # shards whose lists are mapped into memory at once
_IDS = np.dtype("<i8")


def load_faiss() -> Any:
    """The package; `OptionError` without it, or where it can't map files."""
    try:
        import faiss
    except ImportError as error:
        raise OptionError(
            f"the engine {FAISS} needs FAISS, which is not installed",
            hint=f'pip install "descr-sdk[search]", or choose the engine {TILES}',
        ) from error
    if not hasattr(faiss, "OnDiskInvertedLists"):
        raise OptionError(
            "FAISS can't map files into memory on this system", hint=f"choose the engine {TILES}"
        )
    return faiss


class Lists:
    """The lists of an index.

    Args:
        folder: That of the index.
        about: What its manifest says of them, once they are trained.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.about, self.name = about, str(about["sha256"])[:16]
        self._path = folder / f"{self.name}{TRAINED}"

    @classmethod
    def of(cls, folder: Path, about: Mapping[str, Any] | None) -> Self | None:
        """Those of an index, None while they are not trained, or what was trained is gone."""
        lists = cls(folder, about) if about and "sha256" in about else None
        return lists if lists and lists._path.exists() else None

    @classmethod
    def train(cls, folder: Path, shards: Sequence[Shard]) -> Self:
        """Train for the cells of shards, of which there is one at least; writes no lists."""
        faiss = load_faiss()
        ends = np.cumsum([shard.cells for shard in shards])
        cells = int(ends[-1])
        count = max(1, min(_MOST_LISTS, 1 << int(math.log2(cells) / 2), cells // _SAMPLE))
        some = np.random.default_rng(0).choice(cells, min(cells, _SAMPLE * count), replace=False)
        some.sort()
        parts = np.split(some, np.searchsorted(some, ends[:-1]))
        sample = np.concatenate(
            [
                _units(shard.vectors("cells"), part - (end - shard.cells))
                for shard, part, end in zip(shards, parts, ends, strict=True)
            ]
        )
        factory = f"IVF{count},SQ8"
        index = faiss.index_factory(sample.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        index.train(sample)
        document = faiss.serialize_index(index).tobytes()
        digest = hashlib.sha256(document).hexdigest()
        about = {"name": FAISS, "factory": factory, "cells": cells, "sha256": digest}
        lists = cls(folder, about)
        with whole_file(lists._path) as path:
            path.write_bytes(document)
        return lists

    def is_outgrown(self, cells: int) -> bool:
        """Whether an index of so many cells is better trained anew."""
        return cells > _GROWTH * int(self.about["cells"])

    def path_of(self, shard: Shard) -> Path:
        """The file of the lists of a shard."""
        return shard.folder / f"{self.name}{LISTS}"

    def write(self, shard: Shard) -> None:
        """Write the lists of a shard, unless it has them."""
        if self.path_of(shard).exists():
            return
        index, cells, vectors = self._trained, shard.cells, shard.vectors("cells")
        numbers = np.empty(cells, np.int64)
        codes = np.empty((cells, index.code_size), np.uint8)
        for start in range(0, cells, _BLOCK):
            block = slice(start, start + _BLOCK)
            # The number of the list, the lowest byte first, and then the code of the cell.
            coded = index.sa_encode(_units(vectors, np.arange(cells)[block]))
            number, codes[block] = np.split(coded, [coded.shape[1] - index.code_size], axis=1)
            numbers[block] = number @ (1 << 8 * np.arange(number.shape[1]))
        order = np.argsort(numbers, kind="stable").astype(_IDS)
        sizes = np.bincount(numbers, minlength=index.nlist).astype(_IDS)
        with whole_file(self.path_of(shard)) as path, path.open("wb") as file:
            sum = 0
            lists = np.split(order, sizes.cumsum()[:-1])
            parts = chain.from_iterable((codes[one], one) for one in lists)
            for part in chain(parts, [sizes]):
                file.write(part.tobytes())
                sum = zlib.crc32(part.tobytes(), sum)
            file.write(np.array([sum], _IDS).tobytes())

    def check(self) -> None:
        """Raise `IndexFileError` unless what was trained is what was written."""
        self._document()

    def check_of(self, shard: Shard) -> None:
        """Raise `IndexFileError` unless the lists of a shard are what was written."""
        path, sum = self.path_of(shard), 0
        array = _mapped(path)
        for start in range(0, len(array) - _IDS.itemsize, _BLOCK << 6):
            sum = zlib.crc32(array[: -_IDS.itemsize][start : start + (_BLOCK << 6)].data, sum)
        if array[-_IDS.itemsize :].tobytes() != np.array([sum], _IDS).tobytes():
            raise damage(path)

    def drop_damaged(self, shards: Iterable[Shard]) -> None:
        """Remove what is damaged of all this."""
        checks: list[tuple[Path, Callable[[], None]]] = [(self._path, self.check)]
        checks += [(self.path_of(shard), partial(self.check_of, shard)) for shard in shards]
        for path, check in checks:
            try:
                check()
            except IndexFileError:
                path.unlink(missing_ok=True)

    def rank(self, shards: Sequence[Shard]) -> Rank:
        """What tells how likely the images of some shards hold cells.

        By the mean of the best cosines, as `Lookup.scores`; where none of the nearest of all cells
        lies in an image, by the last of these.
        """
        index_of = lru_cache(_OPEN)(lambda number: self._index_of(shards[number]))

        def rank(cells: torch.Tensor) -> torch.Tensor:
            query = cells.numpy()
            near, numbers = self._trained.quantizer.search(query, self._trained.nprobe)
            best = np.full((len(query), sum(shard.images for shard in shards)), -np.inf, np.float32)
            start = 0
            for number, shard in enumerate(shards):
                nearest = min(_NEAREST, shard.cells)
                cosines, places = index_of(number)[0].search_preassigned(
                    query, nearest, numbers, near
                )
                if places.max() >= shard.cells:
                    raise damage(self.path_of(shard))
                rows, columns = np.nonzero(places >= 0)
                images = np.searchsorted(shard.ends, places[rows, columns], side="right")
                np.maximum.at(best, (rows, start + images), cosines[rows, columns])
                start += shard.images
            least = np.where(np.isfinite(best), best, np.inf).min(axis=1, initial=1, keepdims=True)
            return torch.from_numpy(np.maximum(best, least).clip(min=0).mean(axis=0))

        return rank

    def _index_of(self, shard: Shard) -> tuple[Any, Any]:
        """The trained index with the lists of a shard, and these, which it does not own."""
        faiss, index = load_faiss(), load_faiss().clone_index(self._trained)
        path = self.path_of(shard)
        array, length = _mapped(path), shard.cells * (index.code_size + _IDS.itemsize)
        tail = array[length:].tobytes()
        if len(tail) != _IDS.itemsize * (index.nlist + 1):
            raise damage(path)
        sizes = np.frombuffer(tail, _IDS)[:-1].astype(np.uint64)
        # FAISS reads where these say: they must be those of the file.
        if sizes.max() > shard.cells or sizes.sum() != shard.cells:
            raise damage(path)
        lists = faiss.OnDiskInvertedLists(index.nlist, index.code_size, str(path))
        lists.read_only, lists.prefetch_nthread, lists.totsize = True, 0, length
        lists.do_mmap()
        lists.set_all_lists_sizes(faiss.swig_ptr(sizes))
        index.replace_invlists(lists, False)
        index.ntotal = shard.cells
        return index, lists

    @cached_property
    def _trained(self) -> Any:
        faiss, document = load_faiss(), np.frombuffer(self._document(), np.uint8)
        index = faiss.deserialize_index(document)
        index.nprobe = min(_PROBES, index.nlist)
        return index

    def _document(self) -> bytes:
        """What was trained: FAISS must not see other bytes, which it trusts."""
        document = read_file(self._path, Path.read_bytes)
        if hashlib.sha256(document).hexdigest() != self.about["sha256"]:
            raise damage(self._path)
        return document


def _mapped(path: Path) -> npt.NDArray[np.uint8]:
    return read_file(path, lambda path: np.memmap(path, np.uint8, mode="r"))


def _units(cells: Vectors, which: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Some cells (cell, channel), each of length 1."""
    some = torch.from_numpy(which)
    return (cells.values[some].float() * cells.scales[some, None]).numpy()
