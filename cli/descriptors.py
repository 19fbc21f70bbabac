"""`descr descriptors`: the descriptors there are."""

import typer

from .names import AUTO
from .options import Json


def descriptors(as_json: Json = False) -> None:
    """List the descriptors: what each gives, what it needs, and its options."""
    from ..descriptors import REGISTRY
    from .choice import best_descriptor
    from .listing import document, entries, print_entries
    from .tables import print_json

    listed = entries(REGISTRY)
    taken, why = best_descriptor()
    if as_json:
        print_json({AUTO: taken, "descriptors": document(listed)})
        return
    print_entries(listed, "--set")
    typer.echo(f"\n{AUTO} takes {taken}: {why}.")
