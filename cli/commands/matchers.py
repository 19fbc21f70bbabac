"""`descr matchers`: the matchers there are, and the options of one."""

from typing import Annotated

from ..options.common import Json, listed_name
from ..options.names import complete_matcher


def matchers(
    name: Annotated[str | None, listed_name(complete_matcher)] = None, as_json: Json = False
) -> None:
    """List the matchers: what each gives, and its options."""
    from ...descriptors.signatures import describe
    from ...matchers import REGISTRY
    from ..console.listing import Entry, entries, print_entries, print_entry
    from ..console.tables import print_json

    if name is not None:
        print_entry(Entry(name, describe(REGISTRY, name)), "--matcher-set", as_json=as_json)
        return
    listed = entries(REGISTRY)
    if as_json:
        print_json({"matchers": [entry.document() for entry in listed]})
        return
    print_entries(listed, "--matcher-set")
