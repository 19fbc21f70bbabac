"""`descr doctor`: what this machine has, for a look or for a report of a fault."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..console.tables import Fact, print_facts, print_json
from ..options.common import Json

_BFLOAT16 = (
    "this processor computes in it. --set dtype=bfloat16: weights take half the memory, and "
    "features have cosines of about 0.999 with those in float32. --matcher-set dtype=bfloat16: "
    "the same matches, in 0.3 to 0.6 of the time where cells differ"
)
"""As measured: docs/measurements.md, precision and matching."""


def doctor(as_json: Json = False) -> None:
    """Show what this machine has of what descr needs, and what is wrong with it.

    The table goes into a report of a fault: it holds no token, and ~ in place of your folder.
    """
    from ...descriptors import diagnose
    from ..console.progress import spinner

    with spinner("looking"):
        document = diagnose()
    if as_json:
        print_json(document)
    else:
        print_facts(list(_facts(document)))


def _facts(document: Mapping[str, Any]) -> Iterator[Fact]:
    from rich.filesize import decimal

    yield "descr", document["descr"] or "not installed"
    yield "Python", document["python"]
    yield "system", document["system"]
    yield "libraries", _versions(document["libraries"])
    for name, extra in document["extras"].items():
        how = f'not here (python -m pip install "descr-sdk[{name}]")'
        state = "here" if extra["here"] else how
        yield f"extra {name}", f"{state}: {_versions(extra['brings'])}"
    for one in document["devices"]:
        memory = f"{decimal(one['free'])} of {decimal(one['memory'])} free"
        fast = f"fast in {', '.join(one['fast'])}"
        yield one["name"], f"{one['model']}; {memory}; {fast}; dtype=auto is {one['auto']}"
        if one["name"] == "cpu" and "bfloat16" in one["fast"]:
            yield "bfloat16", _BFLOAT16
    if document["auto"]:
        yield "auto takes", "{descriptor}: {reason}".format(**document["auto"])
    yield (
        "weights in",
        f"{document['weights']['folder']}: {decimal(document['weights']['free'])} free",
    )
    for one in document["models"]:
        yield (
            f"model {one['name']}",
            f"{decimal(one['bytes'])}, {one['precision']}, {one['folder']}",
        )
    temporary = document["temporary"]
    yield "temporary", f"{temporary['folder']}: {decimal(temporary['free'])} free"
    yield from document["environment"].items()
    for one in document["problems"]:
        yield "problem", one["problem"]
        yield "  hint", one["hint"]
    if not document["problems"]:
        yield "problems", "none"


def _versions(libraries: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name} {version or 'missing'}" for name, version in libraries.items())
