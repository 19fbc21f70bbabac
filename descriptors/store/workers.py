"""The work of a store on the workers of a dask cluster."""

import os
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ..errors import ClusterError, DescrError
from ..image.reading import read_image
from ..image.stream import attempt
from ..runtime.atomic import writing
from ..runtime.cluster import batch_length, on_workers
from .index import Seen
from .store import OF_IMAGES, FeatureStore, ImageSource, Outcome

if TYPE_CHECKING:
    from distributed import Client

_SHARE = 32  # images that a worker gets at once: at the end of each its threads run dry
_SENT = 1 << 26  # bytes of images that a worker gets at once, about

Sent: TypeAlias = tuple[str, str | bytes]
"""The key of an image, and its absolute path or its pickle."""


class _Share(NamedTuple):
    """What became of the images that a worker got, and which of them have no file there."""

    outcomes: list[tuple[Outcome, Seen | None]]
    missing: list[str]
    worker: str


def recipe_on(client: "Client", store: FeatureStore) -> str:
    """The digest of what a file depends on beside its image, on the workers of a client.

    Their device decides the precision, where that is left open, and not that of this process.
    """
    ((_, recipe),) = on_workers(client, partial(_recipe, store), [()])
    if isinstance(recipe, ClusterError):
        raise recipe
    return recipe


def work_on(
    client: "Client",
    store: FeatureStore,
    sources: Mapping[str, ImageSource],
    recipe: str,
    *,
    strict: bool,
    force: bool,
    dry_run: bool,
) -> Generator[tuple[Outcome, Seen | None]]:
    """As `FeatureStore._work`, on the workers of a client."""
    failures: list[tuple[Outcome, None]] = []
    there: set[str] = set()

    def batches() -> Iterator[list[Sent]]:
        most = min(_SHARE, batch_length(client, len(sources)))
        batch: list[Sent] = []
        size = 0
        for key, source in sources.items():
            if os.path.exists(store.path(key)):
                there.add(key)
            sent = attempt(_sent, source)
            if isinstance(sent, DescrError):
                failures.append(store._failed(key, sent))
                continue
            batch.append((key, sent))
            size += len(sent)
            if len(batch) == most or size > _SENT:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    with marked(store.folder, not dry_run) as mark:
        how: Any = {"strict": strict, "force": force, "dry_run": dry_run}
        work = partial(_work, store, recipe, mark, **how)
        with closing(on_workers(client, work, batches())) as shares:
            for batch, share in shares:
                yield from failures
                failures.clear()
                if isinstance(share, ClusterError):
                    ((key, _),) = batch
                    yield store._failed(key, loss_of(key, share))
                    continue
                check_missing(share.missing, share.worker)
                for outcome, entry in share.outcomes:
                    own = outcome._replace(file=os.fspath(store.path(outcome.key)))
                    if own.status in ("kept", "redone") and own.key not in there:
                        # It was made by a worker that died before it could say so.
                        own = own._replace(status="extracted", reason="")
                    yield own, entry
    yield from failures


def _sent(source: ImageSource) -> str | bytes:
    """An image as it goes to a worker: its path, or a pickle of what can be pickled of it."""
    import cloudpickle

    if isinstance(source, (str, os.PathLike)):
        return os.path.abspath(source)
    # An open file can't be pickled, for one.
    with suppress(Exception):
        return bytes(cloudpickle.dumps(source))
    return bytes(cloudpickle.dumps(read_image(source() if callable(source) else source)))


def _recipe(store: FeatureStore, _: Sequence[None]) -> str:
    return store.recipe


def _work(
    store: FeatureStore,
    recipe: str,
    mark: str,
    batch: Sequence[Sent],
    *,
    strict: bool,
    force: bool,
    dry_run: bool,
) -> _Share:
    """What a worker does with the images that it gets."""
    import cloudpickle
    from distributed import get_worker

    check_mark(store.folder, mark)
    if store.recipe != recipe:
        raise ClusterError(
            f"{store.describe!r} would make other features here than elsewhere",
            hint="give all workers the same weights and code, and name the precision (dtype)",
        )
    sources = {key: cloudpickle.loads(s) if isinstance(s, bytes) else s for key, s in batch}
    paths = [source for source in sources.values() if isinstance(source, str)]
    share = _Share([], [one for one in paths if not os.path.exists(one)], get_worker().address)
    with closing(store._work(sources, force=force, dry_run=dry_run)) as outcomes:
        for outcome, entry in outcomes:
            if outcome.error is not None and not isinstance(outcome.error, OF_IMAGES):
                raise outcome.error
            share.outcomes.append((outcome, entry))
            if strict and outcome.error is not None:
                break
    return share


def loss_of(key: str, error: ClusterError) -> ClusterError:
    """The error of an image that no worker could do, by what `on_workers` gives in its place."""
    hint = "look at it alone; it may need more memory than there is"
    return ClusterError(f"{key}: {error.message}", hint=hint)


def check_missing(paths: Iterable[str], worker: str) -> None:
    """Raise `ClusterError` for a file that this process has, and a worker lacked."""
    for path in filter(os.path.exists, paths):
        raise ClusterError(
            f"{path} is on this machine, and not where the worker {worker} runs",
            hint="give paths that all workers can read, or images",
        )


def check_mark(folder: Path, mark: str) -> None:
    """Raise `ClusterError` on a worker that finds another folder than the one `marked`."""
    if mark and not (folder / mark).exists():
        raise ClusterError(
            f"{folder} is another folder here than where the work is given out",
            hint="take a folder that all workers share by one name",
        )


@contextmanager
def marked(folder: Path, needed: bool) -> Iterator[str]:
    """The name of a file in the folder by which workers know that it is the same one."""
    if not needed or not folder.exists():
        yield ""
        return
    mark = folder / f".descr-{secrets.token_hex(8)}.shared"
    with writing(mark):
        mark.touch()
    try:
        yield mark.name
    finally:
        with suppress(OSError):
            mark.unlink()
