"""The options under "Workers": on which worker processes a command works."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..console.errors import UserError, say
from .groups import Panel
from .names import AUTO

if TYPE_CHECKING:
    from distributed import Client

_field = Panel("Workers")


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Raises `UserError` for a number that is none, and for both options at once."""

    workers: str | None = _field(
        "N",
        "Work in N processes on this machine, or auto: one for each CUDA device or else for each "
        "core, 8 at most. Needs the extra distributed.",
    )
    scheduler: str | None = _field(
        "ADDRESS",
        "Work on the workers of this dask scheduler, as in tcp://host:8786. They reach images and "
        "results by the same paths. Needs the extra distributed.",
    )

    def __post_init__(self) -> None:
        count = self.workers
        if count not in (None, AUTO) and not (count.isdecimal() and int(count)):
            raise UserError(
                f"--workers must be auto or an integer of at least 1, not {count!r}",
                hint="leave it out to work in this process",
            )
        if count is not None and self.scheduler is not None:
            raise UserError(
                "--workers and --scheduler exclude each other: a scheduler has workers of its own",
                hint="leave out one of them",
            )

    @contextmanager
    def client(self) -> "Iterator[Client | None]":
        """The client of the workers, whose dashboard is told; None to work in this process."""
        if self.workers is None and self.scheduler is None:
            yield None
            return
        from ...descriptors import open_cluster

        count = None if self.workers in (None, AUTO) else int(self.workers)
        with open_cluster(count, scheduler=self.scheduler) as client:
            say(f"workers: {len(client.nthreads())}, dashboard: {client.dashboard_link}")
            yield client
