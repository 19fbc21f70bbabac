"""Changes of an index: images that are put in, replaced and removed, without building it anew."""

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from ...descriptors import Basis, FeatureStore
from ...descriptors.errors import (
    DescrError,
    IncomparableFeaturesError,
    IndexFileError,
    OptionError,
    OutputError,
)
from ...descriptors.features.schema import IMAGE_PATH
from ...descriptors.image.stream import read_ahead
from ...descriptors.runtime.atomic import remove_abandoned, writing
from ...descriptors.store.files import follow
from ...descriptors.store.index import stamp
from ...descriptors.store.maps import read_packed
from .lists import FAISS, LISTS, TILES, TRAINED, Lists, load_faiss
from .manifest import Manifest, locked
from .shards import HINT, SHARDS, Entry, Shard, ShardWriter, Written

if TYPE_CHECKING:
    from distributed import Client

SHARD_BYTES = 1 << 28
"""Cells of a shard, about: what a build that is stopped loses."""
_BASIS = "basis.nc"
_AHEAD = 16  # files that are read before they are needed

Status = Literal["added", "replaced", "kept", "removed", "failed"]


class Change(NamedTuple):
    """What became of an image: its name in the store, and why it can't be in the index."""

    key: str
    status: Status
    error: DescrError | None = None


class Place(NamedTuple):
    """Where an image is in an index, and the size and time of the file that it is from."""

    shard: str
    image: int
    stamp: tuple[int, ...]


def read_basis(folder: Path, manifest: Manifest) -> Basis:
    """That of an index; `IndexFileError` if it is another than the one it was built with."""
    basis = Basis.load(folder / _BASIS)
    if basis.identity != manifest.basis:
        raise IndexFileError(
            f"{folder}: its basis is not the one that it was built with", hint=HINT
        )
    return basis


def places_of(folder: Path, manifest: Manifest) -> dict[str, Place]:
    """Where each image of an index is, by its name."""
    places = {}
    for about in manifest.shards:
        shard = Shard.open(folder, about)
        gone = set(manifest.removed.get(shard.name, ()))
        stamps = shard.column("stamps").tolist()
        for image, (key, mark) in enumerate(zip(shard.keys, stamps, strict=True)):
            if image not in gone:
                places[key] = Place(shard.name, image, tuple(mark))
    return places


def bring_up_to_date(
    folder: Path,
    store: FeatureStore,
    basis: Basis | None,
    *,
    engine: str | None,
    strict: bool,
    verify: bool,
    client: "Client | None",
    progress: Callable[[Change], None],
) -> None:
    """Make an index in a folder hold the images of a store; see `Index.build`."""
    _check_store(store)
    if store.folder.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise OptionError(
            f"{folder}: an index can't lie in the store that it is of", hint="choose another folder"
        )
    with locked(folder), Update(folder, basis, engine=engine, verify=verify) as update:
        keys = list(store)
        # A folder that is gone has no files either.
        _check_store(store)
        for key in sorted(update.places.keys() - set(keys)):
            update.remove(key)
            progress(Change(key, "removed"))
        rest = []
        for key in keys:
            if (place := update.places.get(key)) and place.stamp == stamp(store.path(key)):
                progress(Change(key, "kept"))
            else:
                rest.append(key)
        old = set(update.places)
        put = _put_all
        if client is not None:
            from .workers import put_on

            put = partial(put_on, client, strict=strict)
        with closing(put(update, store, rest)) as outcomes:
            for key, error in outcomes:
                if error is not None:
                    _check_store(store)
                if error is not None and strict:
                    raise error
                status: Status = "failed" if error else "replaced" if key in old else "added"
                progress(Change(key, status, error))
        update.finish()


def entries_of(
    folder: Path, store: FeatureStore, basis: Basis, keys: Sequence[str]
) -> Iterator[tuple[str, Entry | DescrError]]:
    """Each image of a store as it goes into the index in a folder, or why it can't."""
    base = os.path.realpath(folder)

    def read(key: str) -> Entry:
        path, before = store.path(key), stamp(store.path(key))
        fmap = read_packed(path, basis)
        way = _way(follow(fmap.attrs.get(IMAGE_PATH), path), base)
        return Entry.of(key, before, replace(fmap, attrs={**fmap.attrs, IMAGE_PATH: way}))

    return zip(keys, read_ahead(keys, read, ahead=_AHEAD), strict=True)


def _put_all(
    update: "Update", store: FeatureStore, keys: Sequence[str]
) -> Generator[tuple[str, DescrError | None]]:
    """Put images of a store into an index; each with why it can't be."""
    for key, entry in entries_of(update.folder, store, update.basis, keys):
        if isinstance(entry, DescrError):
            yield key, entry
        else:
            yield key, None
            update.put(entry)


def _check_store(store: FeatureStore) -> None:
    if not store.folder.is_dir():
        raise OptionError(
            f"there is no folder {store.folder}", hint="name the store that `descr extract` made"
        )


def remove_images(folder: Path, keys: Iterable[str]) -> None:
    """Remove images from the index in a folder; `KeyError` for one that is not there."""
    with locked(folder), Update(folder, None) as update:
        for key in keys:
            update.remove(key)
        update.finish()


def keep_recall(folder: Path, manifest: Manifest, recall: Mapping[str, Any]) -> Manifest:
    """Let an index keep what was measured of it, unless it was changed meanwhile."""
    with locked(folder):
        now = Manifest.read(folder)
        measured = replace(now, recall=recall)
        if replace(manifest, recall=None) != replace(now, recall=None):
            return manifest
        measured.write(folder)
        return measured


def _way(photograph: str | None, base: str) -> str:
    """The way from a folder to a photograph; "" where there is none."""
    # It may lie on another drive.
    with suppress(ValueError):
        return Path(os.path.relpath(photograph, base)).as_posix() if photograph else ""
    return ""


class Update:
    """An index that is kept from other writers while it is changed, shard by shard."""

    def __init__(
        self,
        folder: Path,
        basis: Basis | None,
        *,
        engine: str | None = None,
        verify: bool = False,
    ) -> None:
        self.folder = folder
        if not Manifest.is_in(folder):
            # In the folder of an index what is no part of it is removed.
            has_basis = (folder / _BASIS).exists()
            if not has_basis and any(one.name[0] != "." for one in folder.iterdir()):
                raise OutputError(
                    f"{folder}: holds something else than an index", hint="name a new folder"
                )
            if basis is None and has_basis:
                # The rest of it is lost, or was never written.
                basis = Basis.load(folder / _BASIS)
            if basis is None:
                raise OptionError(
                    f"{folder}: a new index needs a basis", hint="fit one to the store"
                )
            basis.save(folder / _BASIS)
            Manifest(basis.identity).write(folder)
        elif verify:
            self._mend(basis)
        self._manifest = Manifest.read(folder)
        self.basis = read_basis(folder, self._manifest)
        if basis is not None and basis.identity != self.basis.identity:
            raise IncomparableFeaturesError(
                f"{folder}: was built with another basis",
                hint="leave out the basis, or build another index",
            )
        self._lists = Lists.of(folder, self._manifest.engine)
        self._sweep()
        if engine == TILES:
            self._manifest, self._lists = replace(self._manifest, engine=None), None
        elif engine and not self._manifest.engine:
            self._manifest = replace(self._manifest, engine={"name": engine})
        if self._manifest.engine:
            load_faiss()
        self.places = places_of(folder, self._manifest)
        with writing(folder):
            (folder / SHARDS).mkdir(exist_ok=True)
        self._removed = {name: set(gone) for name, gone in self._manifest.removed.items()}
        self._shard = ShardWriter(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._shard.__exit__(*error)

    def put(self, entry: Entry) -> None:
        """Put in an image; one of its name is replaced."""
        self._take(entry)
        if self._shard.bytes >= SHARD_BYTES:
            self._write()

    def remove(self, key: str) -> None:
        """Remove an image; `KeyError` if it is not there."""
        place = self.places.pop(key)
        self._removed.setdefault(place.shard, set()).add(place.image)

    def finish(self) -> None:
        """Finish the last shard, with what is left of shards that are little against it.

        So the number of shards grows with the logarithm of what is put in bit by bit.
        """
        for about in self._manifest.shards:
            gone = self._removed.get(about["name"], set())
            count = about["images"] - len(gone)
            size = about["cells"] * about["channels"] * count // about["images"]
            if (
                size <= min(2 * self._shard.bytes, SHARD_BYTES - self._shard.bytes)
                or 2 * len(gone) > about["images"]
            ):
                shard = Shard.open(self.folder, about)
                for image in sorted(set(range(shard.images)) - gone):
                    self._take(shard.entry(image))
        self._write()
        self._complete_lists()

    def _mend(self, basis: Basis | None) -> None:
        """Let the index consist of what is whole; the images of the rest are put in again."""
        try:
            manifest = Manifest.read(self.folder)
        except IndexFileError:
            basis = basis or Basis.load(self.folder / _BASIS)
            has_lists = any(self.folder.glob(f"*{TRAINED}"))
            manifest = Manifest(basis.identity, engine={"name": FAISS} if has_lists else None)
        if basis is not None and basis.identity == manifest.basis:
            basis.save(self.folder / _BASIS)
        whole = []
        for about in manifest.shards:
            with suppress(IndexFileError):
                Shard.open(self.folder, about).check()
                whole.append(about)
        if len(whole) < len(manifest.shards):
            names = {about["name"] for about in whole}
            removed = {name: gone for name, gone in manifest.removed.items() if name in names}
            manifest = Manifest(manifest.basis, whole, removed, engine=manifest.engine)
        if lists := Lists.of(self.folder, manifest.engine):
            # What is not there is made anew.
            lists.drop_damaged(Shard.open(self.folder, about) for about in whole)
        manifest.write(self.folder)

    def _take(self, entry: Entry) -> None:
        if entry.key in self.places:
            self.remove(entry.key)
        self._shard.add(entry)

    def _write(self) -> None:
        """Finish a shard, if it has images, and let the index consist of what there is then."""
        self.put_shards([self._shard.finish()] if self._shard.bytes else [])

    def put_shards(self, written: Iterable[Written]) -> None:
        """Let the index consist of these shards, too; what they have again is replaced."""
        shards = list(self._manifest.shards)
        for about, stamps in written:
            if self._lists:
                self._lists.write(Shard.open(self.folder, about))
            for image, (key, mark) in enumerate(stamps.items()):
                if key in self.places:
                    self.remove(key)
                self.places[key] = Place(about["name"], image, mark)
            shards.append(about)
        left = [one for one in shards if len(self._removed.get(one["name"], ())) < one["images"]]
        removed = {
            one["name"]: sorted(self._removed[one["name"]])
            for one in left
            if one["name"] in self._removed
        }
        self._manifest = Manifest(self._manifest.basis, left, removed, engine=self._manifest.engine)
        self._manifest.write(self.folder)

    def _complete_lists(self) -> None:
        """Let every shard have its lists, if the index has some; train them first, or anew."""
        shards = [Shard.open(self.folder, about) for about in self._manifest.shards]
        if not self._manifest.engine or not shards:
            return
        if not self._lists or self._lists.is_outgrown(sum(shard.cells for shard in shards)):
            self._lists = Lists.train(self.folder, shards)
        for shard in shards:
            self._lists.write(shard)
        if self._manifest.engine != self._lists.about:
            self._manifest = replace(self._manifest, engine=self._lists.about)
            self._manifest.write(self.folder)

    def _sweep(self) -> None:
        """Remove what no manifest names any more: of killed writers, and of earlier changes."""
        names = {about["name"] for about in self._manifest.shards}
        remove_abandoned(self.folder, "")
        folder = self.folder / SHARDS
        with writing(folder), suppress(FileNotFoundError):
            for path in folder.iterdir():
                if path.name not in names:
                    shutil.rmtree(path)
            files = [*self.folder.glob(f"*{TRAINED}"), *folder.glob(f"*/*{LISTS}")]
            for path in files:
                if not self._lists or path.stem != self._lists.name:
                    path.unlink()
