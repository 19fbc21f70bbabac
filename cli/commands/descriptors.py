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
    from ...descriptors.weights import MODELS
    from ...descriptors.weights.find import explain_auto
    from ..console.listing import print_name, print_registry

    models = MODELS.by_descriptor()
    if name is not None:
        name = explain_auto()[0] if name == AUTO else name
        print_name(REGISTRY, name, "--set", models, as_json=as_json)
        return
    best, reason = explain_auto()
    print_registry(REGISTRY, "--set", models, as_json=as_json, **{AUTO: best})
    if not as_json:
        typer.echo(f"\n{AUTO} takes {best}: {reason}.")
