"""The lists of `descr descriptors` and `descr matchers`, read off the registries."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ...applications.text import one_line
from ..options.choice import parts_of
from ..options.settings import signature_of

if TYPE_CHECKING:
    from ...descriptors.registry import Registry
    from ..options.costs import Costs


@dataclass(frozen=True)
class Entry:
    """One name of a registry, with the first line of its docstring, or why it can't be loaded.

    `options` are the defaults by name, None where there is none; those of a part are `part.name`,
    as on the command line. `needs` is what must be on the machine, "" where it doesn't say.
    `costs` is None for a matcher, and for what can't be loaded.
    """

    name: str
    summary: str
    options: dict[str, Any]
    needs: str
    costs: "Costs | None" = None


def entries(
    registry: "Registry[Any]",
    needs: Callable[[str], str] = lambda name: "",
    costs: "Callable[[str, Callable[..., Any]], Costs | None]" = lambda name, kind: None,
) -> list[Entry]:
    """What a registry holds, in its order, the names of other distributions included.

    `needs` says of a name what must be on the machine, where the class has no attribute `needs`;
    `costs` says what it costs.
    """
    return [_entry(registry, name, needs, costs) for name in registry.available()]


def print_entries(listed: list[Entry], flag: str) -> None:
    """Print each name with its summary, what it needs, and its options as `flag` takes them."""
    from .tables import print_facts

    for index, entry in enumerate(listed):
        if index:
            typer.echo()
        options = "  ".join(f"{key}={_shown(value)}" for key, value in entry.options.items())
        facts = [("name", entry.name), ("gives", entry.summary)]
        facts += [("needs", entry.needs)] if entry.needs else []
        facts += _cost_facts(entry.costs) if entry.costs else []
        facts += [(flag, options)] if options else []
        print_facts(facts)


def document(listed: list[Entry]) -> list[dict[str, Any]]:
    """The entries as JSON holds them."""
    return [
        {
            "name": entry.name,
            "summary": entry.summary,
            "needs": entry.needs,
            **(_cost_document(entry.costs) if entry.costs else {}),
            "options": {key: _plain(value) for key, value in entry.options.items()},
        }
        for entry in listed
    ]


def _cost_facts(costs: "Costs") -> list[tuple[str, str]]:
    from rich.filesize import decimal

    facts = [("layers", ", ".join(costs.layers))] if costs.layers else []
    if costs.memory:
        size = decimal(costs.memory)
        facts.append(("memory", f"about {size} of weights in float32, half of it in 16 bits"))
    return facts


def _cost_document(costs: "Costs") -> dict[str, Any]:
    """Sizes are in bytes."""
    return {
        "layers": list(costs.layers),
        "download": costs.download,
        "memory": {"float32": costs.memory, "float16": costs.memory // 2},
    }


def _entry(
    registry: "Registry[Any]",
    name: str,
    needs: Callable[[str], str],
    costs: "Callable[[str, Callable[..., Any]], Costs | None]",
) -> Entry:
    try:
        kind = registry.find(name)
    except Exception as error:
        # Another distribution's: it must not hide the rest of the list.
        return Entry(name, f"can't be loaded: {one_line(str(error))}", {}, "")
    options = _options(kind)
    for part, inner in parts_of(kind).items():
        # What a part has in common with the whole is set once, for both.
        own = {key: value for key, value in _options(inner).items() if key not in options}
        del options[part]
        options |= {f"{part}.{key}": value for key, value in own.items()}
    documentation = (inspect.getdoc(kind) or "").strip().partition("\n")[0]
    needed = str(getattr(kind, "needs", "") or needs(name))
    return Entry(name, documentation, options, needed, costs(name, kind))


def _options(kind: Callable[..., Any]) -> dict[str, Any]:
    return {
        one.name: None if one.default is inspect.Parameter.empty else one.default
        for one in signature_of(kind).parameters.values()
        if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)
    }


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(_shown, value))
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
