"""Which descriptor and which matcher the options of the command line ask for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ...applications.verification import VERIFIERS
from ...descriptors import REGISTRY as DESCRIPTORS
from ...descriptors.errors import DescrError
from ...matchers import REGISTRY as MATCHERS
from ..console.errors import UserError, say
from ..console.quiet import Stop
from .names import AUTO
from .settings import parse_settings, signature_of, takes_option

if TYPE_CHECKING:
    import xarray as xr

    from ...applications.verification import Verifier
    from ...descriptors import Basis, Descriptor
    from ...descriptors.registry import Registry
    from ...matchers import Matcher

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Choice(Generic[T]):
    """A descriptor, matcher or data set that the command line names.

    `name` is that of the command line, or what `auto` took; `kind` is what messages call it:
    "descriptor", "matcher" or "data set". `takes_device` is of its constructor.
    """

    item: T
    name: str
    kind: str
    takes_device: bool

    def at_work(self) -> Any:
        """A context in which a fault of a class of the user's own is a `UserError`."""
        return faults(self.name, f"the {self.kind} {self.name!r} failed")


def make_descriptor(
    name: str, settings: Mapping[str, str], device: str | None
) -> "Choice[Descriptor]":
    """The descriptor of this name, with settings as raw texts; says on standard error which.

    `device` is handed to one that takes it. Raises `OptionError` for a wrong name or value.
    """
    if name == AUTO:
        from ...descriptors.weights.find import explain_auto

        name, why = explain_auto()
        # Said before it is made: a setting that it refuses may be one of another descriptor.
        say(f"descriptor: {name} ({why})")
        return _make(DESCRIPTORS, name, settings, device)
    descriptor = _make(DESCRIPTORS, name, settings, device)
    say(f"descriptor: {name}")
    return descriptor


def descriptor_of_file(
    path: Path, features: "xr.DataTree | Basis", device: str | None
) -> "Choice[Descriptor]":
    """The descriptor that the features, or the basis, at `path` were made with.

    Says so on standard error.
    """
    from ...descriptors import Basis, descriptor_of
    from ...descriptors.features.tree import tree_layers

    if isinstance(features, Basis):
        layers: list[Mapping[Any, Any]] = list(features.layers.values())
    else:
        layers = [node.attrs for node in tree_layers(features).values()]
    name = descriptor_name(layers)
    with faults(name, f"the descriptor of {path} can't be made"):
        descriptor = descriptor_of(features, device=device or "auto")
    say(f"descriptor: {name} (the recipe of {path})")
    parts = getattr(descriptor, "parts", (descriptor,))
    takes_device = any(takes_option(type(part), "device") for part in parts)
    return Choice(descriptor, name, "descriptor", takes_device)


def descriptor_name(layers: Iterable[Mapping[Any, Any]]) -> str:
    """What a descriptor of layers that say this of themselves is called."""
    models = (one["model"] if ":" in one["model"] else one["source"] for one in layers)
    return " + ".join(dict.fromkeys(models))


def make_matcher(name: str, settings: Mapping[str, str], device: str | None) -> "Choice[Matcher]":
    """The matcher of this name, with settings as raw texts; see `make_descriptor`."""
    return _make(MATCHERS, name, settings, device)


def make_verifier(name: str, settings: Mapping[str, str]) -> "Choice[Verifier]":
    """The verifier of this name, with settings as raw texts; see `make_descriptor`."""
    return _make(VERIFIERS, name, settings, None)


def parts_of(kind: Callable[..., Any]) -> Mapping[str, Callable[..., Any]]:
    """The constructors of the parts that this one takes mappings for, by option."""
    options = signature_of(kind).parameters.values()
    names = {one.name for one in options if "Mapping" in str(one.annotation)}
    return {name: DESCRIPTORS.find(name) for name in DESCRIPTORS.available() if name in names}


def check_device_is_taken(device: str | None, *choices: Choice[Any]) -> None:
    """Raise `UserError` if a device is named and none of these takes one."""
    if device is not None and not any(one.takes_device for one in choices):
        raise UserError(
            "--device: neither this descriptor nor this matcher takes a device",
            hint="leave --device out",
        )


def _make(
    registry: "Registry[T]", name: str, settings: Mapping[str, str], device: str | None
) -> Choice[T]:
    kind = registry.find(name)
    options: dict[str, Any] = parse_settings(settings, kind, parts_of(kind))
    takes_device = takes_option(kind, "device")
    if device is not None and "device" not in options and takes_device:
        options["device"] = device
    with faults(name, f"the {registry.kind} {name!r} can't be made"):
        return Choice(registry.create(name, options), name, registry.kind, takes_device)


@contextmanager
def faults(name: str, what: str) -> Iterator[None]:
    """Turn a fault of a class at `module:Class`, the user's own, into a `UserError`."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if ":" not in name or isinstance(error, DescrError | MemoryError | Stop):
            raise
        raise UserError(
            f"{what}: {type(error).__name__}: {error}",
            hint="run it again with --debug to see where it happened",
        ) from error
