"""Numbers that were published, each with the protocol that it was measured by."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .papers import PAPERS
from .protocol import PROTOCOLS, Protocol


@dataclass(frozen=True)
class Published:
    """One row of a published table.

    Args:
        descriptor: The name of the descriptor that stands for the method, as `create` takes it.
        method: What the publication calls it.
        protocol: How it was measured, as far as it is stated.
        percent: The published numbers in percent, one for each alpha of the protocol.
        source: The publication.
        recipe: The recipe for the method, where its descriptor alone doesn't make it.
    """

    descriptor: str
    method: str
    protocol: Protocol
    percent: tuple[float, ...]
    source: str
    recipe: str = ""


def _rows() -> Iterator[Published]:
    for row in PAPERS["published"]:
        changes = {**row.get("protocol", {}), **dict.fromkeys(row.get("unstated", ()))}
        protocol = replace(PROTOCOLS[row["dataset"]], **changes)
        source, recipe = PAPERS["sources"][row["source"]], row.get("recipe", "")
        for name, percent in row["percent"].items():
            method = row.get("method", PAPERS["methods"][name])
            yield Published(name, method, protocol, tuple(percent), source, recipe)


PUBLISHED: tuple[Published, ...] = tuple(_rows())
"""Zero-shot results: of networks that were not trained for correspondence."""


def find_published(dataset: str, descriptor: str | None = None) -> tuple[Published, ...]:
    """The published rows of a data set, of one descriptor or of all; none where there is none."""
    return tuple(
        row
        for row in PUBLISHED
        if row.protocol.dataset == dataset and descriptor in (None, row.descriptor)
    )
