"""`descr matchers`: the matchers there are."""

from ..options.common import Json


def matchers(as_json: Json = False) -> None:
    """List the matchers: what each gives, and its options."""
    from ...matchers import REGISTRY
    from ..console.listing import document, entries, print_entries
    from ..console.tables import print_json

    listed = entries(REGISTRY)
    if as_json:
        print_json({"matchers": document(listed)})
        return
    print_entries(listed, "--matcher-set")
