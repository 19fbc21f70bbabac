"""Which descriptor and which matcher the options of the command line ask for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import UserError, is_user_error, say
from .names import AUTO
from .settings import parse_settings, takes_option

if TYPE_CHECKING:
    from ..descriptors import Descriptor
    from ..descriptors.registry import Registry
    from ..matchers import Matcher

T = TypeVar("T")


def best_descriptor() -> tuple[str, str]:
    """What `auto` takes: the name of the best descriptor that needs no download, and why it."""
    from ..descriptors import weights

    for name in ("fused", "dinov2"):
        if all(weights.cached(model.name) is not None for model in weights.find_models(name)):
            better = "" if name == "fused" else f"; {_pull('fused')}"
            return name, f"its weights are on this machine{better}"
    return "sift", f"embedded, needs no weights; {_pull('fused')}"


def _pull(name: str) -> str:
    from ..descriptors import weights

    missing = [one for one in weights.find_models(name) if weights.cached(one.name) is None]
    size = sum(model.size for model in missing)
    return f"`descr models pull {name}` adds the best, {size / 1e9:.1f} GB"


def make_descriptor(name: str, settings: Mapping[str, str], device: str | None) -> "Descriptor":
    """The descriptor of this name, with settings as raw texts; says on standard error which.

    `device` is handed to a descriptor that takes one. Raises `OptionError` for names and values
    that it doesn't know or take.
    """
    from ..descriptors import REGISTRY

    taken, why = best_descriptor() if name == AUTO else (name, "")
    descriptor = _make(REGISTRY, taken, settings, device)
    say(f"descriptor: {taken} ({why})" if why else f"descriptor: {taken}")
    return descriptor


def make_matcher(name: str, settings: Mapping[str, str], device: str | None) -> "Matcher":
    """The matcher of this name, with settings as raw texts; see `make_descriptor`."""
    from ..matchers import REGISTRY

    return _make(REGISTRY, name, settings, device)


def check_device_is_taken(device: str | None, *made: object) -> None:
    """Raise `UserError` if a device is asked for and nothing that was made takes one."""
    if device is not None and not any(takes_option(type(one), "device") for one in made):
        raise UserError(
            "--device: neither this descriptor nor this matcher takes a device",
            hint="leave --device out",
        )


def _make(registry: "Registry[T]", name: str, settings: Mapping[str, str], device: str | None) -> T:
    kind = registry.find(name)
    options: dict[str, Any] = parse_settings(settings, kind)
    if device is not None and "device" not in options and takes_option(kind, "device"):
        options["device"] = device
    try:
        return registry.create(name, options)
    except Exception as error:
        if ":" not in name or is_user_error(error):
            raise
        # A class of the user's own, whose faults are not ours.
        raise UserError(
            f"the {registry.kind} {name!r} can't be made: {type(error).__name__}: {error}",
            hint="run it again with --debug to see where it happened",
        ) from error
