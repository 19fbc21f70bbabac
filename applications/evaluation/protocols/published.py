"""Numbers that were published, each with the protocol that it was measured by."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .protocol import PROTOCOLS, Protocol

TALE = "Zhang et al., A Tale of Two Features, NeurIPS 2023, tables 3 and 4"
GEOAWARE = "page of Zhang et al., Telling Left from Right, CVPR 2024"
GEOAWARE_ABSTRACT = "abstract of Zhang et al., Telling Left from Right, arXiv:2311.17034"

_METHODS = {
    "dinov2": "DINOv2-B/14",
    "sd": "SD 1.5",
    "dift": "DIFT",
    "fused": "SD 1.5 + DINOv2-B/14",
}


@dataclass(frozen=True)
class Published:
    """One row of a published table.

    Parameters
    ----------
    descriptor:
        The name of the descriptor that stands for the method, as `create` takes it.
    method:
        What the publication calls it.
    protocol:
        How it was measured, as far as it is stated.
    percent:
        The published numbers in percent, one for each alpha of the protocol.
    source:
        The publication.
    recipe:
        The recipe for the method, where its descriptor alone doesn't make it.
    """

    descriptor: str
    method: str
    protocol: Protocol
    percent: tuple[float, ...]
    source: str
    recipe: str = ""


def _rows(
    protocol: Protocol, source: str, percent: dict[str, tuple[float, ...]]
) -> Iterable[Published]:
    return (
        Published(name, _METHODS[name], protocol, values, source)
        for name, values in percent.items()
    )


def _tss(subset: str, percent: dict[str, tuple[float, ...]]) -> Iterable[Published]:
    return _rows(replace(PROTOCOLS["tss"], subset=subset), TALE, percent)


PUBLISHED: tuple[Published, ...] = (
    *_rows(
        replace(PROTOCOLS["spair-71k"], alphas=(0.1,)),
        TALE,
        {"dinov2": (55.6,), "sd": (57.2,), "fused": (64.0,)},
    ),
    *_rows(
        replace(PROTOCOLS["spair-71k"], average="per-image"),
        GEOAWARE,
        {"dinov2": (6.3, 38.4, 53.9), "fused": (7.9, 44.7, 59.9)},
    ),
    # DIFT's own code counts the edge; whether the page does for its row is not said.
    *_rows(
        replace(PROTOCOLS["spair-71k"], average="per-image", comparison=None),
        GEOAWARE,
        {"dift": (7.2, 39.7, 52.9)},
    ),
    # It is set against the 59.9 of the page, which is that of SD 1.5 + DINOv2-B/14 per image.
    Published(
        "fused",
        "GeoAware-SC, zero-shot",
        replace(PROTOCOLS["spair-71k"], alphas=(0.1,), average="per-image"),
        (65.4,),
        GEOAWARE_ABSTRACT,
        recipe="geoaware",
    ),
    *_rows(
        replace(PROTOCOLS["pf-pascal"], average=None),
        TALE,
        {"dinov2": (56.2, 77.3, 83.3), "sd": (61.0, 80.3, 86.1), "fused": (73.0, 86.1, 91.1)},
    ),
    *_tss("FG3DCar", {"dinov2": (82.8,), "sd": (93.9,), "fused": (94.3,)}),
    *_tss("JODS", {"dinov2": (73.9,), "sd": (69.4,), "fused": (73.2,)}),
    *_tss("PASCAL", {"dinov2": (53.9,), "sd": (57.7,), "fused": (60.9,)}),
    *_tss("", {"dinov2": (72.0,), "sd": (77.7,), "fused": (79.7,)}),
)
"""Zero-shot results: of networks that were not trained for correspondence."""


def find_published(dataset: str, descriptor: str | None = None) -> tuple[Published, ...]:
    """The published rows of a data set, of one descriptor or of all; none where there is none."""
    return tuple(
        row
        for row in PUBLISHED
        if row.protocol.dataset == dataset and descriptor in (None, row.descriptor)
    )
