"""`descr verifiers`: the verifiers there are, and the options of one."""

from typing import Annotated

from ..options.common import Json, listed_name
from ..options.names import complete_verifier


def verifiers(
    name: Annotated[str | None, listed_name(complete_verifier)] = None, as_json: Json = False
) -> None:
    """List the verifiers: what each keeps, and its options."""
    from ...applications.verification import VERIFIERS
    from ..console.listing import print_name, print_registry

    if name is None:
        print_registry(VERIFIERS, "--verify-set", as_json=as_json)
    else:
        print_name(VERIFIERS, name, "--verify-set", as_json=as_json)
