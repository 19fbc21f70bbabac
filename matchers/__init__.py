"""Feature maps in, correspondences out."""

from typing import Any

from ..descriptors.registry import Registry
from .base import Matcher
from .cells import Cells
from .correspondences import Partners
from .matches import spread_matches, to_matches
from .mutual import MutualNearestNeighbor
from .nearest import NearestNeighbor
from .soft_argmax import SoftArgmax

REGISTRY: Registry[Matcher] = Registry(
    kind="matcher",
    base=Matcher,  # type: ignore[type-abstract]
    builtin={
        "nearest": "descr.matchers.nearest:NearestNeighbor",
        "mutual": "descr.matchers.mutual:MutualNearestNeighbor",
        "soft-argmax": "descr.matchers.soft_argmax:SoftArgmax",
    },
    group="descr.matchers",
)


def available() -> tuple[str, ...]:
    """The names that `create` takes: the built-in ones, then those of other distributions."""
    return REGISTRY.available()


def create(name: str, **options: Any) -> Matcher:
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
