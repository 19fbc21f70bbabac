"""`descr matchers`: the matchers there are, and the options of one."""

from typing import Annotated

import typer

from ..options.common import Json
from ..options.names import complete_matcher

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]",
        help="One of them: what each of its options is for, what it takes, and its default.",
        autocompletion=complete_matcher,
    ),
]


def matchers(name: Name = None, as_json: Json = False) -> None:
    """List the matchers: what each gives, and its options."""
    from ...descriptors.signatures import describe
    from ...matchers import REGISTRY
    from ..console.listing import Entry, entries, print_entries, print_entry
    from ..console.tables import print_json

    if name is not None:
        entry = Entry(name, describe(REGISTRY, name))
        if as_json:
            print_json(entry.document(details=True))
        else:
            print_entry(entry, "--matcher-set")
        return
    listed = entries(REGISTRY)
    if as_json:
        print_json({"matchers": [entry.document() for entry in listed]})
        return
    print_entries(listed, "--matcher-set")
