"""`descr matchers`: the matchers there are, and the options of one."""

from typing import Annotated

from ..options.common import Json, listed_name
from ..options.names import complete_matcher


def matchers(
    name: Annotated[str | None, listed_name(complete_matcher)] = None, as_json: Json = False
) -> None:
    """List the matchers: what each gives, and its options."""
    from ...matchers import REGISTRY
    from ..console.listing import print_name, print_registry

    if name is None:
        print_registry(REGISTRY, "--matcher-set", as_json=as_json)
    else:
        print_name(REGISTRY, name, "--matcher-set", as_json=as_json)
