"""`descr descriptors`: the descriptors there are."""

import typer

from ..options.common import Json
from ..options.names import AUTO


def _weights(name: str) -> str:
    """Which weights a descriptor loads by default, how large they are, and whether they are here.

    "" for one that is not known to load any.
    """
    from rich.filesize import decimal

    from ...descriptors.weights import RECIPES, cached, find_models

    if name not in RECIPES:
        return ""
    models = find_models(name)
    parts = [f"{model.name} ({decimal(model.size)})" for model in models]
    missing = any(cached(model.name) is None for model in models)
    here = f"not here: descr models pull {name}" if missing else "here"
    return f"the weights of {' and '.join(parts)}, {here}"


def descriptors(as_json: Json = False) -> None:
    """List the descriptors: what each gives, what it needs and costs, and its options."""
    from ...descriptors import REGISTRY
    from ..console.listing import document, entries, print_entries
    from ..console.tables import print_json
    from ..options.choice import best_descriptor
    from ..options.costs import costs_of

    listed = entries(REGISTRY, needs=_weights, costs=costs_of)
    taken, why = best_descriptor()
    if as_json:
        print_json({AUTO: taken, "descriptors": document(listed)})
        return
    print_entries(listed, "--set")
    typer.echo(f"\n{AUTO} takes {taken}: {why}.")
