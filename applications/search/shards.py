"""The packed cells of some hundred images in one folder, written once and then only read."""

import os
import secrets
import shutil
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ...descriptors.errors import IndexFileError
from ...descriptors.features.grids import Grid
from ...descriptors.features.schema import IMAGE_PATH
from ...descriptors.runtime.atomic import writing
from ...descriptors.store.maps import PackedMap
from .scan import Vectors
from .tiles import tile_counts, tiles_of

T = TypeVar("T")

Written: TypeAlias = tuple[Mapping[str, Any], Mapping[str, tuple[int, ...]]]
"""The `name` of a shard and what `Shard` takes; and of each image its name and stamp."""

HINT = "build it with verify=True, which makes anew what is damaged"
SHARDS = "shards"
_TEMPORARY = ".descr-"
_TABLE = "images.npz"
_DAMAGE = (
    *(ValueError, KeyError, TypeError, EOFError, SyntaxError, MemoryError, OverflowError),
    *(RuntimeError, struct.error, tokenize.TokenError, zlib.error, zipfile.BadZipFile),
)
"""What NumPy raises for bytes that are no arrays, besides `OSError`."""


@dataclass(frozen=True, eq=False)
class Entry:
    """An image of an index, and what it is found by.

    Args:
        key: Its name in the store.
        stamp: Size and time of the file that its map was read from.
        attrs: Those of its map; as `image_path` the way from the index to the photograph, if any.
        grid: Where its cells are, in its pixels.
        cells, tiles: The cells and the tiles of its map, row by row.
        sum: The checksum of the cells.
    """

    key: str
    stamp: tuple[int, ...]
    attrs: Mapping[str, Any]
    grid: Grid
    cells: Vectors
    tiles: Vectors
    sum: int

    @classmethod
    def of(cls, key: str, stamp: tuple[int, ...], fmap: PackedMap) -> Self:
        """An image by its map."""
        channels, rows, columns = fmap.values.shape
        # It takes NumPy seven times as long.
        values = torch.from_numpy(cv2.transpose(fmap.values.reshape(channels, -1)))
        cells = Vectors.of(values)
        tiles = Vectors.of(tiles_of(values.float().view(rows, columns, channels)))
        return cls(key, stamp, fmap.attrs, fmap.grid, cells, tiles, _checksum(cells))


class Shard:
    """The images of one folder of an index, whose vectors are mapped into memory.

    Args:
        folder: Where its files lie.
        images, cells, tiles, channels: How many it has.
    """

    def __init__(self, folder: Path, *, images: int, cells: int, tiles: int, channels: int) -> None:
        self.folder, self.images, self.cells, self._channels = folder, images, cells, channels
        self._counts = {"cells": cells, "tiles": tiles}

    @classmethod
    def open(cls, index: Path, about: Mapping[str, Any]) -> Self:
        """A shard of the index in a folder, by what its manifest says of it."""
        counts = {key: value for key, value in about.items() if key != "name"}
        return cls(index / SHARDS / about["name"], **counts)

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.folder.name

    @property
    def keys(self) -> list[str]:
        """The names of the images in the store."""
        return [self.key(image) for image in range(self.images)]

    def key(self, image: int) -> str:
        """The name of an image in the store."""
        return self._text("key", image)

    def photograph(self, image: int) -> str:
        """The way from the index to the photograph of an image, "" if it is not known."""
        return self._text("photograph", image)

    def image(self, key: str) -> int | None:
        """The image of a name in the store, None if it is not here."""
        name, ends = np.frombuffer(os.fsencode(key), np.uint8), self.column("key_ends")
        (alike,) = (np.diff(ends, prepend=0) == len(name)).nonzero()
        letters = self.column("keys")[ends[alike, None] - len(name) + np.arange(len(name))]
        (which,) = (letters == name).all(axis=1).nonzero()
        return int(alike[which[0]]) if len(which) else None

    def _text(self, name: str, image: int) -> str:
        ends = self.column(f"{name}_ends")
        start = ends[image - 1] if image else 0
        return os.fsdecode(self.column(f"{name}s")[start : ends[image]].tobytes())

    @cached_property
    def counts(self) -> dict[str, npt.NDArray[np.int64]]:
        """How many `cells` and `tiles` each image has (image,)."""
        shapes = self.column("shapes")
        counts = {"cells": shapes.prod(axis=1), "tiles": tile_counts(shapes)}
        if any(counts[kind].sum() != self._counts[kind] for kind in counts):
            raise self._damage(_TABLE)
        return counts

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        """The cells of each image and of those before it (image,)."""
        return self.counts["cells"].cumsum()

    def vectors(self, kind: str) -> Vectors:
        """The `cells` of all images, row by row, one image after the other; or the `tiles`."""
        count = self._counts[kind]
        # Copied where they are written to, which they are not: torch wants what could be.
        arrays = [
            self._read(f"{name}.npy", lambda path: np.load(path, mmap_mode="c"))
            for name in (kind, f"{kind}_scales")
        ]
        kinds = [(np.dtype(np.int8), (count, self._channels)), (np.dtype(np.float32), (count,))]
        if [(array.dtype, array.shape) for array in arrays] != kinds:
            raise self._damage(f"{kind}.npy")
        return Vectors(*map(torch.from_numpy, arrays))

    def of_image(self, cells: Vectors, image: int) -> Vectors:
        """Of the cells of all images, those of one."""
        stop = int(self.ends[image])
        return cells.part(stop - int(self.counts["cells"][image]), stop)

    def check_cells(self, cells: Vectors, image: int) -> None:
        """Raise `IndexFileError` unless these are the cells that were written of an image."""
        if _checksum(cells) != self.column("sums")[image]:
            raise self._damage("cells.npy")

    def sha256(self, image: int) -> str:
        """The digest of the pixels of an image, "" where it is not known."""
        return str(self.column("sha256")[image], "ascii")

    def grid(self, image: int) -> Grid:
        """Where the cells of an image are, in its pixels."""
        rows, columns = self.column("shapes")[image]
        start = int(self.column("centres")[image])
        centres = self.column("grids")[start : start + rows + columns]
        return Grid(centres[:rows], centres[rows:])

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column of the table of images; see `_table_of` for the names."""
        if name not in self._table:
            raise self._damage(_TABLE)
        return self._table[name]

    @cached_property
    def _table(self) -> Mapping[str, npt.NDArray[Any]]:
        def read(path: Path) -> Mapping[str, npt.NDArray[Any]]:
            with path.open("rb") as file, np.load(file) as table:
                return dict(table)

        return dict(self._read(_TABLE, read))

    def fmap(self, image: int) -> PackedMap:
        """The map of an image."""
        rows, columns = self.column("shapes")[image].tolist()
        height, width = self.column("sizes")[image].tolist()
        attrs = {
            "image_height": height,
            "image_width": width,
            "image_sha256": self.sha256(image),
            IMAGE_PATH: self.photograph(image),
        }
        cells = self.of_image(self.vectors("cells"), image)
        self.check_cells(cells, image)
        values = cells.values.numpy().T.reshape(-1, rows, columns)
        return PackedMap(values, self.grid(image), attrs)

    def entry(self, image: int) -> Entry:
        """An image as it was put in."""
        stamp = tuple(self.column("stamps")[image].tolist())
        return Entry.of(self.key(image), stamp, self.fmap(image))

    def check(self) -> None:
        """Raise `IndexFileError` unless all of it is what was written."""
        cells = self.vectors("cells")
        for image in range(self.images):
            self.check_cells(self.of_image(cells, image), image)
        if _checksum(self.vectors("tiles")) != int(self.column("tiles_sum")[0]):
            raise self._damage("tiles.npy")

    def _read(self, name: str, read: Callable[[Path], T]) -> T:
        return read_file(self.folder / name, read)

    def _damage(self, name: str) -> IndexFileError:
        return damage(self.folder / name)


def read_file(path: Path, read: Callable[[Path], T]) -> T:
    """What a file of an index holds; `IndexFileError` if it is gone, or can't be read."""
    try:
        return read(path)
    except FileNotFoundError as error:
        raise IndexFileError(
            f"{path}: there is no such file", hint=f"open the index again, or {HINT}"
        ) from error
    except (OSError, *_DAMAGE) as error:
        raise damage(path) from error


def damage(path: Path) -> IndexFileError:
    """The error of a file of an index that is not what was written."""
    return IndexFileError(f"{path}: is damaged", hint=HINT)


class ShardWriter:
    """Writes images into new shards of the index in a folder, each whole or not at all.

    Cells are written as they come. A shard is none until the manifest names it; what there is of
    one that was not finished is removed at the end of the block. The folder of shards must be
    there: without it those that were in it are lost. Raises `OutputError` if it can't be written.

    Attributes:
        bytes: Of the cells that were added since the last shard.
    """

    def __init__(self, index: Path) -> None:
        self._folder = index / SHARDS
        self._begin()

    def _begin(self) -> None:
        self.bytes = 0
        self._name = secrets.token_hex(8)
        self._temporary = self._folder / f"{_TEMPORARY}{self._name}"
        self._cells: BinaryIO | None = None
        self._entries: list[Entry] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            if self._cells:
                self._cells.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def add(self, entry: Entry) -> None:
        """Write an image; its cells are not kept in memory."""
        values = entry.cells.values.numpy()
        with writing(self._folder):
            if self._cells is None:
                self._temporary.mkdir()
                self._cells = (self._temporary / "cells.npy").open("wb")
                _write_head(self._cells, values, 0)
            self._cells.write(values.data)
        self.bytes += values.nbytes
        none = torch.empty(0, values.shape[1], dtype=torch.int8)
        self._entries.append(replace(entry, cells=entry.cells._replace(values=none)))

    def finish(self) -> Written:
        """The shard of the images that were added since the last one, at least one."""
        assert self._cells is not None
        entries, tiles = self._entries, [entry.tiles for entry in self._entries]
        scales = [entry.cells.scales for entry in entries]
        counts = {"cells": sum(map(len, scales)), "tiles": sum(len(one.scales) for one in tiles)}
        values = entries[0].cells.values.numpy()
        with writing(self._folder):
            self._cells.seek(0)
            # As long as the first one: NumPy leaves room in it for any number.
            _write_head(self._cells, values, counts["cells"])
            self._cells.close()
            _write_arrays(self._temporary / "cells_scales.npy", scales)
            _write_arrays(self._temporary / "tiles.npy", [one.values for one in tiles])
            _write_arrays(self._temporary / "tiles_scales.npy", [one.scales for one in tiles])
            np.savez(self._temporary / _TABLE, **_table_of(entries))
            for path in self._temporary.iterdir():
                with path.open("r+b") as file:
                    os.fsync(file.fileno())
            self._temporary.rename(self._folder / self._name)
        about = {"name": self._name, "images": len(entries), **counts, "channels": values.shape[1]}
        self._begin()
        return about, {entry.key: entry.stamp for entry in entries}


def _table_of(entries: Sequence[Entry]) -> dict[str, Any]:
    """The table of images: where each begins in `grids`, its rows before its columns, and more."""
    grids: dict[bytes, tuple[int, npt.NDArray[np.float64]]] = {}
    centres, length = [], 0
    for entry in entries:
        both = np.concatenate([entry.grid.y, entry.grid.x])
        start, _ = grids.setdefault(both.tobytes(), (length, both))
        length = max(length, start + len(both))
        centres.append(start)
    attrs = [entry.attrs for entry in entries]
    return {
        **_packed_texts("key", [entry.key for entry in entries]),
        **_packed_texts("photograph", [one.get(IMAGE_PATH) or "" for one in attrs]),
        "stamps": np.array([entry.stamp for entry in entries], np.int64),
        "sizes": np.array([[one["image_height"], one["image_width"]] for one in attrs], np.int64),
        "sha256": np.array([one.get("image_sha256", "") for one in attrs], "S64"),
        "shapes": np.array([[len(entry.grid.y), len(entry.grid.x)] for entry in entries], np.int64),
        "centres": np.array(centres, np.int64),
        "grids": np.concatenate([both for _, both in grids.values()]),
        "sums": np.array([entry.sum for entry in entries], np.uint32),
        "tiles_sum": np.array([_checksum(*(entry.tiles for entry in entries))], np.uint32),
    }


def _packed_texts(name: str, texts: Sequence[str]) -> dict[str, Any]:
    encoded = [os.fsencode(text) for text in texts]
    return {
        f"{name}s": np.frombuffer(b"".join(encoded), np.uint8),
        f"{name}_ends": np.cumsum([len(text) for text in encoded]),
    }


def _write_arrays(path: Path, arrays: Sequence[torch.Tensor]) -> None:
    """Write arrays, one after the other along their first axis, as one .npy file."""
    with path.open("wb") as file:
        _write_head(file, arrays[0].numpy(), sum(map(len, arrays)))
        for array in arrays:
            file.write(array.numpy().data)


def _write_head(file: BinaryIO, array: npt.NDArray[Any], length: int) -> None:
    """Write the header of a .npy file of an array like this one, but of another length."""
    head = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, head | {"shape": (length, *array.shape[1:])})


def _checksum(*vectors: Vectors) -> int:
    """CRC-32 of all vectors, and then of what scales them."""
    arrays = [*(one.values for one in vectors), *(one.scales for one in vectors)]
    return reduce(lambda sum, array: zlib.crc32(array.numpy().data, sum), arrays, 0)
