"""Feature maps in, correspondences out."""

from typing import TYPE_CHECKING, Any

from ..descriptors.lazy import lazy_names
from ..descriptors.registry import Registry

if TYPE_CHECKING:
    from .base import Matcher
    from .cells import Cells
    from .correspondences import Partners
    from .matches import spread_matches, to_matches
    from .mutual import MutualNearestNeighbor
    from .nearest import NearestNeighbor
    from .soft_argmax import SoftArgmax

# Imported when they are first asked for: names can be listed, completed and refused at once.
__getattr__ = lazy_names(__name__)

REGISTRY: "Registry[Matcher]" = Registry(
    kind="matcher",
    base=f"{__name__}.base:Matcher",
    builtin={
        "nearest": f"{__name__}.nearest:NearestNeighbor",
        "mutual": f"{__name__}.mutual:MutualNearestNeighbor",
        "soft-argmax": f"{__name__}.soft_argmax:SoftArgmax",
    },
    group="descr.matchers",
)


def available() -> tuple[str, ...]:
    """The names that `create` takes: the built-in ones, then those of other distributions."""
    return REGISTRY.available()


def create(name: str, **options: Any) -> "Matcher":
    """The matcher of this name, or at `package.module:Class`, with these options.

    Raises `OptionError` for a name or an option that doesn't exist, with the right ones listed.
    """
    return REGISTRY.create(name, options)


__all__ = [
    "Cells",
    "Matcher",
    "MutualNearestNeighbor",
    "NearestNeighbor",
    "Partners",
    "SoftArgmax",
    "available",
    "create",
    "spread_matches",
    "to_matches",
]
