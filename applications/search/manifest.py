"""What an index consists of: a small file that is replaced in one step, and the lock of writers."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...descriptors.errors import IndexFileError, OutputError
from ...descriptors.runtime.atomic import whole_file, writing
from .shards import HINT

SCHEMA = 1
NAME = "index.json"
_LOCK = ".lock"


@dataclass(frozen=True)
class Manifest:
    """The shards of an index, and which of their images count no more.

    Args:
        basis: The identity of the basis of all maps.
        shards: Of each its name, and what `Shard` takes.
        removed: By the name of a shard, the places of images that were removed or replaced.
        recall: What was measured of it; see `measure_recall`.
        engine: What images are found by, if not tiles: its name, and once they are trained what
            `Lists` takes.
    """

    basis: str
    shards: Sequence[Mapping[str, Any]] = ()
    removed: Mapping[str, Sequence[int]] = field(default_factory=dict)
    recall: Mapping[str, Any] | None = None
    engine: Mapping[str, Any] | None = None

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether a folder has one."""
        return (folder / NAME).exists()

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """That of the index in a folder; `IndexFileError` if there is none, or it is damaged."""
        path = folder / NAME
        try:
            document = json.loads(path.read_bytes())
            contents, schema = document["index"], document["descr_index"]
            if document["sha256"] != _digest(contents):
                raise ValueError("another digest")
            if schema != SCHEMA:
                raise IndexFileError(
                    f"{folder}: has schema {schema}, and this version of descr reads schema "
                    f"{SCHEMA}",
                    hint=HINT,
                )
            return cls(**contents)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise IndexFileError(
                f"{folder} is no index: there is no {path}",
                hint="make one with `descr index build` or Index.build",
            ) from error
        except OSError as error:
            raise IndexFileError(f"{path}: can't be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise IndexFileError(f"{path}: is damaged", hint=HINT) from error

    def write(self, folder: Path) -> None:
        """Replace that of the index in a folder."""
        contents = asdict(self)
        document = {"descr_index": SCHEMA, "sha256": _digest(contents), "index": contents}
        with whole_file(folder / NAME) as path:
            path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _digest(contents: Any) -> str:
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep an index from other writers; `OutputError` if there is one.

    Readers need no lock: what a manifest names stays until the index is changed twice. Where the
    block raises and there is no index, the lock goes, and so do the folders that were made.
    """
    lock = folder / _LOCK
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        number = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            with suppress(ImportError):
                import fcntl

                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been removed before it was taken, and another process have the next one.
            if not os.path.samestat(os.fstat(number), os.stat(lock)):
                raise FileNotFoundError(lock)
        except OSError as error:
            raise OutputError(
                f"{folder}: another process is changing this index", hint="wait for it to end"
            ) from error
        try:
            yield
        except BaseException:
            if not Manifest.is_in(folder):
                with suppress(OSError):
                    lock.unlink()
                    for path in missing:
                        path.rmdir()
            raise
    finally:
        os.close(number)
