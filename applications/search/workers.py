"""Shards of an index that the workers of a dask cluster read and write."""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...descriptors import Basis, FeatureStore
from ...descriptors.errors import ClusterError, DescrError
from ...descriptors.runtime.cluster import batch_length, on_workers
from ...descriptors.store.index import stamp
from ...descriptors.store.workers import check_mark, check_missing, loss_of, marked
from .shards import ShardWriter, Written
from .update import SHARD_BYTES, Update, entries_of

if TYPE_CHECKING:
    from distributed import Client

_LEAST = 256  # images of a full batch: those of large files make a shard of no use, if they are few


class _Share(NamedTuple):
    """What a worker made of the images that it got."""

    written: list[Written]
    errors: dict[str, DescrError]
    missing: list[str]
    worker: str


def put_on(
    client: "Client", update: Update, store: FeatureStore, keys: Sequence[str], *, strict: bool
) -> Generator[tuple[str, DescrError | None]]:
    """Put images of a store into an index by the workers of a client; each with why it can't be.

    They write the shards, and this process, which holds the lock, says in the manifest that they
    are part of the index: those of a worker that died are not, and are made anew.
    """
    folder = Path(os.path.abspath(update.folder))
    most = batch_length(client, len(keys))

    def batches() -> Iterator[list[str]]:
        batch: list[str] = []
        size = 0
        for key in keys:
            batch.append(key)
            size += sum(stamp(store.path(key))[:1])
            if len(batch) >= most or (len(batch) >= _LEAST and size >= SHARD_BYTES):
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    with marked(folder, needed=True) as mark:
        work = partial(_write, folder, mark, store, update.basis, strict)
        with closing(on_workers(client, work, batches())) as shares:
            for batch, share in shares:
                if isinstance(share, ClusterError):
                    yield batch[0], loss_of(batch[0], share)
                    continue
                check_missing(share.missing, share.worker)
                update.put_shards(share.written)
                for _, stamps in share.written:
                    yield from dict.fromkeys(stamps).items()
                yield from share.errors.items()


def _write(
    folder: Path,
    mark: str,
    store: FeatureStore,
    basis: Basis,
    strict: bool,
    keys: Sequence[str],
) -> _Share:
    """What a worker does with the images that it gets."""
    from distributed import get_worker

    check_mark(folder, mark)
    paths = [os.fspath(store.path(key)) for key in keys]
    share = _Share([], {}, [one for one in paths if not stamp(one)], get_worker().address)
    with ShardWriter(folder) as shard:
        for key, entry in entries_of(folder, store, basis, keys):
            if isinstance(entry, DescrError):
                share.errors[key] = entry
                if strict:
                    break
                continue
            shard.add(entry)
            if shard.bytes >= SHARD_BYTES:
                share.written.append(shard.finish())
        if shard.bytes:
            share.written.append(shard.finish())
    return share
