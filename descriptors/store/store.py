"""A folder with the features of any number of images, each extracted once."""

import errno
import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import torch
import xarray as xr

from ..base import Descriptor
from ..combination.basis import Basis
from ..errors import (
    ClusterError,
    DescrError,
    FeatureFileError,
    ImageError,
    InvalidFeaturesError,
    OptionError,
    OutOfMemoryError,
    OutputError,
)
from ..features.tensors import FeatureMap, Features
from ..image.reading import Image, ImageLike, read_image
from ..image.stream import read_ahead
from ..runtime.atomic import remove_abandoned, whole_file, writing
from ..runtime.code import code_digest
from .files import load_features, save_features
from .index import Seen, read_index, stamp, write_index
from .maps import load_map, load_tensors, save_map
from .reuse import why_extract, why_transform

if TYPE_CHECKING:
    from distributed import Client

Status = Literal["kept", "extracted", "redone", "failed"]
ImageSource: TypeAlias = ImageLike | Callable[[], ImageLike]
SUFFIX = ".nc"
_AHEAD = 8  # images that are read before they are asked for, and files that are written behind
_TOGETHER = 64  # images whose entries are written to the index at once
OF_IMAGES = ImageError, InvalidFeaturesError, FeatureFileError, OutOfMemoryError, ClusterError
"""Errors that are no end of the work on other images."""


class Outcome(NamedTuple):
    """What became of an image.

    Attributes:
        key, file, path: The name of the image in the store, and the path of its file.
        status: `kept`, `extracted`, `redone` for a file that could not stand, or `failed`.
        reason: Why the file was made anew.
        error: Why there is none.
        sha256, height, width: Of the upright image: the hash of its pixels, and its size in pixels.
        lowest_cosine: Of a cell of a map that is packed with what is kept of it.
        frames: Of the file of an image that was read; the first is taken.
    """

    key: str
    file: str
    status: Status
    reason: str = ""
    error: DescrError | None = None
    sha256: str = ""
    height: int = 0
    width: int = 0
    lowest_cosine: float = 1.0
    frames: int = 1

    @property
    def path(self) -> Path:
        """The file, for which a `Path` is made when it is asked for."""
        return Path(self.file)


@dataclass(frozen=True, eq=False)
class _Look:
    """An image that was read, and why it has to be extracted; None for what can be kept.

    Of an image in a file its path, and the stamp that it had before it was read; likewise that of
    the file of its features, where that can be kept.
    """

    key: str
    image: Image
    why: str | None
    path: str | os.PathLike[str] | None
    stamp: tuple[int, ...]
    file_stamp: tuple[int, ...] = ()
    lowest_cosine: float = 1.0


class FeatureStore(Mapping[str, Any]):
    """The features of images as files in a folder, by the relative paths of the images.

    A mapping from key, as in `birds/robin.jpg`, to what `load_features` gives of the file
    `birds/robin.jpg.nc`. Opening a store reads nothing, and files are read one by one.

    Args:
        folder: Where the files lie, or will. Several stores may share one, but not their keys.
        describe: What extracts; without it the store can be read alone.
        lossless: Keep every bit: see `save_features` and `save_map`.
        basis: Keep maps through this basis in place of feature trees, as `load_map` gives them.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        describe: Descriptor | None = None,
        *,
        lossless: bool = False,
        basis: Basis | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.describe = describe
        self.lossless = lossless
        self.basis = basis

    def __reduce__(self) -> Any:
        """As it is opened, by the absolute path of its folder."""
        opened = partial(type(self), lossless=self.lossless, basis=self.basis)
        return opened, (os.path.abspath(self.folder), self.describe)

    def __repr__(self) -> str:
        return f"FeatureStore({str(self.folder)!r}, {self.describe!r})"

    def __getitem__(self, key: str) -> xr.DataTree | xr.DataArray:
        """The features of an image; `KeyError` if there are none, else as `load_features`."""
        return (load_features if self.basis is None else load_map)(self._existing(key))

    def tensors(self, key: str, *, device: str | torch.device = "cpu") -> Features | FeatureMap:
        """As `store[key]`, as tensors on a device: faster, for a map of a basis."""
        path = self._existing(key)
        if self.basis is None:
            return Features.read(load_features(path), device)
        return load_tensors(path).to(device)

    def _existing(self, key: str) -> Path:
        # Of a link that leads nowhere the reader tells.
        if not os.path.lexists(path := self.path(key)):
            raise KeyError(key)
        return path

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(_keys_below(self.folder, "")))

    def __len__(self) -> int:
        return sum(1 for _ in _keys_below(self.folder, ""))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.path(key).is_file()

    def path(self, key: str) -> Path:
        """The file of an image; `OutputError` for a key that leads out of the folder."""
        parts = PurePosixPath(key).parts
        if not parts or ".." in parts or PurePosixPath(key).is_absolute():
            raise OutputError(f"{key!r} is no relative path of an image")
        return self.folder.joinpath(*parts[:-1], f"{parts[-1]}{SUFFIX}")

    def extract(
        self,
        images: Mapping[str, ImageSource] | Iterable[str | os.PathLike[str]],
        *,
        strict: bool = False,
        force: bool = False,
        verify: bool = False,
        dry_run: bool = False,
        client: "Client | None" = None,
        progress: Callable[[Outcome], None] = lambda outcome: None,
    ) -> list[Outcome]:
        """Make sure that the features of these images are in the folder.

        A file is kept if it is whole, of the same pixels, and made with the same settings and
        weights; so a run that was stopped goes on where it ended. Images are read by threads,
        described in batches, and written by a thread; no more than a few are held.

        Args:
            images: By key: images, or functions that give one. Or paths, by their last part.
            strict: Raise the error of the first image that has no features.
            force: Make every file anew.
            verify: Read images and files that have not changed since they were last seen, too.
            dry_run: Only say what would be done.
            client: Of a dask cluster, as `open_cluster` gives it, whose workers read, describe and
                write. They must reach the folder and the paths of images by the same names; other
                images are sent to them.
            progress: Called with the outcome of each image as soon as it is known.

        Returns:
            list of Outcome: One per image, in order.

        Raises:
            OutputError: A file can't be written, as on a full disk; what was written before stays.
            OptionError: The store has no descriptor, or two paths have one name.
            ClusterError: The cluster is gone, or a worker sees other files or makes other features
                than the rest.
        """
        if self.describe is None:
            raise OptionError(
                "the store has no descriptor", hint="give FeatureStore(..., describe)"
            )
        sources = images if isinstance(images, Mapping) else _by_name(images)
        if client is None:
            recipe = self.recipe
        else:
            from .workers import recipe_on, work_on

            recipe = recipe_on(client, self)
        seen = {} if force or verify else read_index(self.folder, recipe)
        outcomes: dict[str, Outcome] = {}
        fresh: dict[str, Seen] = {}

        def finish(outcome: Outcome) -> None:
            # What else goes wrong would go wrong with the next image as well.
            if outcome.error is not None and (strict or not isinstance(outcome.error, OF_IMAGES)):
                raise outcome.error
            outcomes[outcome.key] = outcome
            progress(outcome)

        rest, folder = [], f"{self.folder}{os.sep}"
        for key, source in sources.items():
            # No `Path` in here: making one takes several times as long as both stamps.
            if (entry := seen.get(key)) and isinstance(source, (str, os.PathLike)):
                file = f"{folder}{key}{SUFFIX}"
                if entry[:4] == (*stamp(source), *stamp(file)):
                    finish(Outcome(key, file, "kept", "", None, *entry[4:]))
                    continue
            rest.append(key)
        if not dry_run:
            self._make_folders(rest)
        try:
            # What has not begun is dropped at once where `strict` or `progress` raises.
            part = {key: sources[key] for key in rest}
            if client is None:
                work = self._work(part, force=force, dry_run=dry_run)
            else:
                how = {"strict": strict, "force": force, "dry_run": dry_run}
                work = work_on(client, self, part, recipe, **how)
            with closing(work):
                for outcome, entry in work:
                    finish(outcome)
                    if entry and not dry_run:
                        fresh[outcome.key] = entry
                    if len(fresh) >= _TOGETHER:
                        write_index(self.folder, recipe, fresh)
                        fresh.clear()
        finally:
            if fresh:
                write_index(self.folder, recipe, fresh)
        return [outcomes[key] for key in sources]

    def verify(self) -> Iterator[tuple[str, DescrError | None]]:
        """Each key, and what is wrong with its file; None for a file that is whole and valid."""
        for key in self:
            try:
                self[key]
            except KeyError:
                continue  # It was removed meanwhile.
            except DescrError as error:
                yield key, error
            else:
                yield key, None

    def _work(
        self, sources: Mapping[str, ImageSource], *, force: bool, dry_run: bool
    ) -> Generator[tuple[Outcome, Seen | None]]:
        """The outcome of each image in this process, and what the index may keep of it."""
        describe = self.describe
        assert describe is not None
        looks: deque[_Look] = deque()
        done: deque[tuple[Outcome, Seen | None]] = deque()

        def images() -> Iterator[Image]:
            stream = read_ahead(
                sources, lambda key: self._look(key, sources[key], describe, force), ahead=_AHEAD
            )
            for key, look in zip(sources, stream, strict=True):
                if isinstance(look, DescrError):
                    done.append(self._failed(key, look))
                elif look.why is None or dry_run:
                    done.append(self._finished(look))
                else:
                    looks.append(look)
                    yield look.image

        writes: deque[tuple[_Look, Future[_Look]]] = deque()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="descr-write") as writer:
            try:
                for features in describe.attempts(images()):
                    while done:
                        yield done.popleft()
                    look = looks.popleft()
                    if isinstance(features, DescrError):
                        yield self._failed(look.key, features)
                        continue
                    writes.append((look, writer.submit(self._write, look, features)))
                    while len(writes) > _AHEAD or (writes and writes[0][1].done()):
                        yield self._written(*writes.popleft())
                while done:
                    yield done.popleft()
                while writes:
                    yield self._written(*writes.popleft())
            finally:
                for _, write in writes:
                    write.cancel()

    def _look(self, key: str, source: ImageSource, describe: Descriptor, force: bool) -> _Look:
        path = source if isinstance(source, (str, os.PathLike)) else None
        before = () if path is None else stamp(path)
        _check_name(key, self.path(key))
        image = read_image(source() if callable(source) else source)
        file, lowest = self.path(key), 1.0
        # Before it is read: another writer may replace it at any time.
        file_stamp = stamp(file)
        if force:
            why: str | None = "forced" if file.exists() else ""
        elif self.basis is None:
            why = why_extract(file, image, describe, lossless=self.lossless)
        else:
            why, lowest = why_transform(
                file, image, self.basis, self.recipe, lossless=self.lossless
            )
        return _Look(key, image, why, path, before, file_stamp, lowest)

    def _write(self, look: _Look, features: Features) -> _Look:
        if features.image["image_sha256"] != look.image.sha256:
            raise InvalidFeaturesError(
                f"the features of {look.key} say that they are of another image",
                hint="extract must label each tree with the image that it was given",
            )
        lowest = 1.0
        # Written beside its place, where it has a stamp that is that of no other writer's file.
        with whole_file(self.path(look.key), flush=False) as file:
            if self.basis is not None:
                fmap = self.basis.transform(features).to_xarray()
                fmap.attrs["recipe"] = self.recipe
                lowest = save_map(fmap, file, lossless=self.lossless, image_path=look.path)
            else:
                save_features(
                    features.to_tree(), file, lossless=self.lossless, image_path=look.path
                )
            about = stamp(file)
        return replace(look, file_stamp=about, lowest_cosine=lowest)

    def _written(self, look: _Look, write: Future[_Look]) -> tuple[Outcome, Seen | None]:
        try:
            return self._finished(write.result())
        except OutputError:
            raise
        except DescrError as error:
            return self._failed(look.key, error)

    def _failed(self, key: str, error: DescrError) -> tuple[Outcome, None]:
        return Outcome(key, os.fspath(self.path(key)), "failed", error=error), None

    def _finished(self, look: _Look) -> tuple[Outcome, Seen | None]:
        file, image = os.fspath(self.path(look.key)), look.image
        facts = image.sha256, image.height, image.width, look.lowest_cosine
        entry = (*look.stamp, *look.file_stamp, *facts) if look.stamp and look.file_stamp else None
        status: Status = "kept" if look.why is None else "redone" if look.why else "extracted"
        return Outcome(look.key, file, status, look.why or "", None, *facts, image.frames), entry

    def _make_folders(self, keys: Iterable[str]) -> None:
        folders = dict.fromkeys(self.path(key).parent for key in keys)
        if folders:
            with writing(self.folder, "the folder can't be made"):
                self.folder.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            with writing(folder, "the folder can't be made"):
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                except (ValueError, OSError) as error:
                    if not _is_of_name(error):
                        raise
                    continue  # That is told of each image in it.
            remove_abandoned(folder, SUFFIX)

    @cached_property
    def recipe(self) -> str:
        """A digest of all that a file depends on beside its image."""
        describe, basis = self.describe, self.basis
        own: list[Any] = [None, None]
        if describe is not None:
            own = [describe.recipe or repr(describe), code_digest(describe)]
        parts = [*own, self.lossless, None if basis is None else basis.identity]
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _by_name(paths: Iterable[str | os.PathLike[str]]) -> dict[str, ImageSource]:
    sources: dict[str, ImageSource] = {}
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            raise OptionError(
                f"an image without a name: {path!r}", hint="give a mapping of key to image"
            )
        if sources.setdefault(Path(path).name, Path(path)) != Path(path):
            raise OptionError(
                f"two images are called {Path(path).name}", hint="give a mapping of key to path"
            )
    return sources


def _is_of_name(error: Exception) -> bool:
    """Whether it is the name that no file can have, wherever it lies."""
    return isinstance(error, ValueError) or getattr(error, "errno", 0) == errno.ENAMETOOLONG


def _check_name(key: str, path: Path) -> None:
    """Raise `ImageError` if no feature file can lie there: that is no end of the other images."""
    try:
        # The NetCDF library takes no other folder.
        PurePosixPath(key).parent.as_posix().encode()
        os.lstat(path)
    except (ValueError, OSError) as error:
        if _is_of_name(error):
            fault = "is no valid text" if isinstance(error, ValueError) else "is too long"
            raise ImageError(
                f"{key}: the path of its features {fault}", hint="rename the image or its folder"
            ) from error


def _keys_below(folder: Path, above: str, within: tuple[str, ...] = ()) -> Iterator[str]:
    """The keys in a folder and those below it, but for links to a folder `within` which it lies."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise FeatureFileError(
            f"{folder}: can't be read: {error.strerror}", hint="check the path and its permissions"
        ) from error
    within = (*within, os.path.realpath(folder))
    for entry in entries:
        if entry.name.startswith("."):
            continue
        # What is no link is told without a look at the disk.
        if os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir():
            if not (entry.is_symlink() and os.path.realpath(entry.path) in within):
                yield from _keys_below(Path(entry.path), f"{above}{entry.name}/", within)
        elif entry.name.endswith(SUFFIX):
            yield above + entry.name.removesuffix(SUFFIX)
