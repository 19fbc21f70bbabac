"""`descr descriptors`: the descriptors there are, and the options of one."""

from typing import Annotated

import typer

from ..options.common import Json, listed_name
from ..options.names import AUTO, complete_descriptor


def descriptors(
    name: Annotated[str | None, listed_name(complete_descriptor)] = None, as_json: Json = False
) -> None:
    """List the descriptors: what each gives, what it needs and costs, and its options."""
    from ...descriptors import REGISTRY
    from ...descriptors.signatures import describe
    from ...descriptors.weights import MODELS
    from ..console.listing import Entry, entries, print_entries, print_entry
    from ..console.tables import print_json
    from ..options.choice import explain_auto

    models = MODELS.by_descriptor()
    if name == AUTO:
        name = explain_auto()[0]
    if name is not None:
        print_entry(
            Entry(name, describe(REGISTRY, name), models.get(name, ())), "--set", as_json=as_json
        )
        return
    listed = entries(REGISTRY, models)
    best, reason = explain_auto()
    if as_json:
        print_json({AUTO: best, "descriptors": [entry.document() for entry in listed]})
        return
    print_entries(listed, "--set")
    typer.echo(f"\n{AUTO} takes {best}: {reason}.")
