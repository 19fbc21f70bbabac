"""Which matches agree: with a geometry, or with their neighbours; and whether images do at all."""

from typing import TYPE_CHECKING, Any

from ...descriptors.lazy import lazy_names
from ...descriptors.registry import Registry

if TYPE_CHECKING:
    from .agreement import Agreement, measure_agreement
    from .base import Verdict, Verifier
    from .geometry import Affine, Fundamental, Homography
    from .neighbours import Neighbours

# Imported when they are first asked for: they bring SciPy and OpenCV.
__getattr__ = lazy_names(__name__)

VERIFIERS: "Registry[Verifier]" = Registry(
    kind="verifier",
    base=f"{__name__}.base:Verifier",
    builtin={
        "homography": f"{__name__}.geometry:Homography",
        "fundamental": f"{__name__}.geometry:Fundamental",
        "affine": f"{__name__}.geometry:Affine",
        "neighbours": f"{__name__}.neighbours:Neighbours",
    },
    group="descr.verifiers",
)


def available() -> tuple[str, ...]:
    """The names that `create` takes: the built-in ones, then those of other distributions."""
    return VERIFIERS.available()


def create(name: str, **options: Any) -> "Verifier":
    """The verifier of this name, or at `package.module:Class`, with these options.

    Raises `OptionError` for a name or an option that doesn't exist, with the right ones listed.
    """
    return VERIFIERS.create(name, options)


__all__ = [
    "VERIFIERS",
    "Affine",
    "Agreement",
    "Fundamental",
    "Homography",
    "Neighbours",
    "Verdict",
    "Verifier",
    "available",
    "create",
    "measure_agreement",
]
