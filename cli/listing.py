"""The lists of `descr descriptors` and `descr matchers`, read off the registries."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from .errors import one_line
from .settings import signature_of

if TYPE_CHECKING:
    from ..descriptors.registry import Registry


@dataclass(frozen=True)
class Entry:
    """One name of a registry.

    Parameters
    ----------
    name:
        What `--descriptor` or `--matcher` takes.
    summary:
        The first line of the docstring; for one that can't be loaded, why.
    options:
        Name and default of each option; None as default where there is none.
    needs:
        What must be on the machine before it runs; "" where it doesn't say.
    """

    name: str
    summary: str
    options: dict[str, Any]
    needs: str


def entries(
    registry: "Registry[Any]", needs: Callable[[str], str] = lambda name: ""
) -> list[Entry]:
    """What a registry holds, in its order, the names of other distributions included.

    `needs` says of a name what must be on the machine, where the class has no attribute `needs`.
    """
    return [_entry(registry, name, needs) for name in registry.available()]


def print_entries(listed: list[Entry], flag: str) -> None:
    """Print each name with its summary, what it needs, and its options as `flag` takes them."""
    from .tables import print_facts

    for index, entry in enumerate(listed):
        if index:
            typer.echo()
        options = "  ".join(f"{key}={_shown(value)}" for key, value in entry.options.items())
        facts = [("name", entry.name), ("gives", entry.summary)]
        facts += [("needs", entry.needs)] if entry.needs else []
        facts += [(flag, options)] if options else []
        print_facts(facts)


def document(listed: list[Entry]) -> list[dict[str, Any]]:
    """The entries as JSON holds them."""
    return [
        {
            "name": entry.name,
            "summary": entry.summary,
            "needs": entry.needs,
            "options": {key: _plain(value) for key, value in entry.options.items()},
        }
        for entry in listed
    ]


def _entry(registry: "Registry[Any]", name: str, needs: Callable[[str], str]) -> Entry:
    try:
        kind = registry.find(name)
    except Exception as error:
        # Another distribution's: it must not hide the rest of the list.
        return Entry(name, f"can't be loaded: {one_line(str(error))}", {}, "")
    parameters = signature_of(kind).parameters.values()
    options = {
        one.name: None if one.default is inspect.Parameter.empty else one.default
        for one in parameters
        if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)
    }
    documentation = (inspect.getdoc(kind) or "").strip().partition("\n")[0]
    return Entry(name, documentation, options, str(getattr(kind, "needs", "") or needs(name)))


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(_shown, value))
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
