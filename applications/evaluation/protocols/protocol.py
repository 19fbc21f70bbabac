"""What decides a number beside the features, its protocol; and numbers that were published."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from ....descriptors.settings import check_choice, unknown
from ..metrics.averages import AVERAGES, Average
from ..metrics.keypoints import COMPARISONS, Comparison, check_alphas
from .papers import PAPERS

Metric = Literal["PCK", "flow PCK", "J&F"]
Threshold = Literal["bbox", "image", "keypoints", "source-image"]

LENGTHS: Mapping[Threshold, str] = MappingProxyType(
    {
        "bbox": "longer side of the target's box",
        "image": "longer side of the target image",
        "keypoints": "longer side of the box around the target's keypoints",
        "source-image": "longer side of the source image",
    }
)
"""What each threshold is the name of: the length L, of which alpha is a share."""


@dataclass(frozen=True)
class Protocol:
    """Everything that decides a number beside the features and the matcher.

    What a publication doesn't state is None.

    Args:
        dataset: As `descr evaluate` calls it, as in `spair-71k`.
        split: The part of the data set that is measured; empty where it has one part.
        metric: `PCK` of keypoints, `flow PCK` of masked pixels of a flow, or `J&F` of masks.
        alphas: The shares of the length within which a point is right; none for `J&F`.
        threshold: The length, by its name in `LENGTHS`; None for `J&F`.
        average: How pairs become one number, as in `average_pairs`; None for `J&F`.
        comparison: Whether a distance of alpha times the length is right (`<=`) or not (`<`); None
            for `J&F`.
        subset: The part that a row is for, as in `FG3DCar`; empty for the whole.
        detail: What else decides the number, in words.

    Raises `OptionError`: a value is none of those listed.
    """

    dataset: str
    split: str
    metric: Metric
    alphas: tuple[float, ...] = ()
    threshold: Threshold | None = None
    average: Average | None = None
    comparison: Comparison | None = None
    subset: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        check_choice("metric", self.metric, get_args(Metric))
        if self.metric != "J&F":
            object.__setattr__(self, "alphas", check_alphas(self.alphas))
        for name, choices in (
            ("threshold", tuple(LENGTHS)),
            ("average", AVERAGES),
            ("comparison", COMPARISONS),
        ):
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), choices)

    def line(self) -> str:
        """The protocol in one line, as in `spair-71k test | PCK@0.10 | bbox | per-point | <`."""
        where = " ".join(part for part in (self.dataset, self.split, self.subset) if part)
        parts = [where, self.metric]
        if self.metric != "J&F":
            parts[1] += "@" + "/".join(map(written, self.alphas))
            parts += [
                self.threshold or "threshold not stated",
                self.average or "average not stated",
                self.comparison or "< or <= not stated",
            ]
        return " | ".join([*parts, *([self.detail] if self.detail else [])])

    def record(self) -> dict[str, Any]:
        """The protocol as a dictionary that JSON can hold."""
        return {**asdict(self), "alphas": list(self.alphas)}


def written(alpha: float) -> str:
    """An alpha as it is printed: with two places after the point, or as many as it has."""
    return f"{alpha:.2f}" if round(alpha, 2) == alpha else f"{alpha:g}"


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {name: Protocol(name, **fields) for name, fields in PAPERS["protocols"].items()}
)
"""The protocol that is put first for each data set, unless a recipe says otherwise."""


def protocol_of(dataset: str) -> Protocol:
    """The protocol that is put first for a data set; `OptionError` for one that isn't known."""
    if dataset not in PROTOCOLS:
        raise unknown("data set", dataset, PROTOCOLS)
    return PROTOCOLS[dataset]


@dataclass(frozen=True)
class Published:
    """One row of a published table: what a method reached by a protocol, as far as that is stated.

    `descriptor` is what stands for the method, as `create` takes it, and `recipe` what makes it
    where the descriptor alone doesn't; `percent` has a number for each alpha of the protocol.
    """

    descriptor: str
    method: str
    protocol: Protocol
    percent: tuple[float, ...]
    source: str
    recipe: str = ""


def _rows() -> Iterator[Published]:
    for row in PAPERS["published"]:
        changes = {**row.get("protocol", {}), **dict.fromkeys(row.get("unstated", ()))}
        protocol = replace(PROTOCOLS[row["dataset"]], **changes)
        source, recipe = PAPERS["sources"][row["source"]], row.get("recipe", "")
        for name, percent in row["percent"].items():
            method = row.get("method", PAPERS["methods"][name])
            yield Published(name, method, protocol, tuple(percent), source, recipe)


PUBLISHED: tuple[Published, ...] = tuple(_rows())
"""Zero-shot results: of networks that were not trained for correspondence."""


def find_published(dataset: str, descriptor: str | None = None) -> tuple[Published, ...]:
    """The published rows of a data set, of one descriptor or of all; none where there is none."""
    return tuple(
        row
        for row in PUBLISHED
        if row.protocol.dataset == dataset and descriptor in (None, row.descriptor)
    )
