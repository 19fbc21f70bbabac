"""The rows of the papers by name: descriptor, matcher, how points are read, and the protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ...descriptors import Descriptor, create
from ...descriptors.sampling import Interpolation
from ...descriptors.settings import unknown
from .protocol import PROTOCOLS, Protocol, protocol_of
from .published import PUBLISHED, Published, find_published


@dataclass(frozen=True)
class Recipe:
    """One row of a paper: all that `descr evaluate` needs to measure it again.

    Parameters
    ----------
    name:
        What it is called on the command line.
    source:
        The publication.
    descriptor, options:
        Name and options of the descriptor, for `descr.descriptors.create`.
    matcher, matcher_options:
        Name and options of the matcher, for `descr.matchers.create`.
    interpolation:
        How the features are read at the points of the source.
    protocols:
        The protocol that the paper reports by data set, where it isn't that of `PROTOCOLS`.
    category_option:
        The option of the descriptor that takes the category of the pair; None where the
        features don't depend on it.
    pose_alignment:
        Whether the source is mirrored where that brings it nearer to the target (`align_pose`).
    dataset_options:
        Options of the data set by its name, for `open_dataset`.
    note:
        What differs from the original.
    """

    name: str
    source: str
    descriptor: str
    options: Mapping[str, Any] = field(default_factory=dict)
    matcher: str = "nearest"
    matcher_options: Mapping[str, Any] = field(default_factory=dict)
    interpolation: Interpolation = "nearest"
    protocols: Mapping[str, Protocol] = field(default_factory=dict)
    category_option: str | None = None
    pose_alignment: bool = False
    dataset_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    note: str = ""

    def protocol(self, dataset: str) -> Protocol:
        """How the paper measures on this data set; `OptionError` for one that isn't known."""
        return self.protocols.get(dataset) or protocol_of(dataset)

    def published(self, dataset: str) -> tuple[Published, ...]:
        """The published rows on this data set of the recipe, or of its descriptor."""
        own = self.name if any(row.recipe == self.name for row in PUBLISHED) else ""
        return tuple(row for row in find_published(dataset, self.descriptor) if row.recipe == own)

    def options_for(self, category: str) -> dict[str, Any]:
        """The options of the descriptor for images of this category."""
        own = {} if self.category_option is None else {self.category_option: category}
        return {**self.options, **own}

    def describe(self, options: Mapping[str, Any]) -> "Descriptor | Callable[[str], Descriptor]":
        """The descriptor, or what makes one for a category where the features depend on it.

        `options` replace those of the recipe, settings of parts one by one. Raises `OptionError`
        and `WeightsNotFoundError` as `create` does.
        """

        def make(category: str) -> Descriptor:
            return create(self.descriptor, **_merged(self.options_for(category), options))

        return make("") if self.category_option is None else make


def _merged(options: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the others in their place, settings of parts one by one."""
    merged = dict(options)
    for name, value in others.items():
        own = merged.get(name)
        both = isinstance(own, Mapping) and isinstance(value, Mapping)
        merged[name] = {**own, **value} if both else value  # type: ignore[dict-item]
    return merged


_TALE = "Zhang et al., A Tale of Two Features, NeurIPS 2023"
_IMPLICIT = "the prompt is empty; the original conditions on an implicit captioner"
_PADDED = {"tss": {"pad": True}}
_POOLED = replace(PROTOCOLS["pf-pascal"], average="per-point")

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            Recipe(
                "tale",
                _TALE,
                "fused",
                protocols={"pf-pascal": _POOLED},
                dataset_options=_PADDED,
                note=f"{_IMPLICIT}, and its PCA is random",
            ),
            Recipe(
                "tale-sd",
                _TALE,
                "sd",
                protocols={"pf-pascal": _POOLED},
                dataset_options=_PADDED,
                note=f"{_IMPLICIT}, and its PCA is random",
            ),
            Recipe(
                "tale-dinov2",
                _TALE,
                "dinov2",
                protocols={"pf-pascal": _POOLED},
                dataset_options=_PADDED,
            ),
            Recipe(
                "dift",
                "Tang et al., Emergent Correspondence from Image Diffusion, NeurIPS 2023",
                "dift",
                interpolation="bilinear",
                protocols={
                    "spair-71k": replace(PROTOCOLS["spair-71k"], alphas=(0.1,), comparison="<="),
                    "davis-2017": PROTOCOLS["davis-2017"],
                },
                category_option="category",
                note="the original looks for the best pixel of the target's features resized to "
                "the image; here it is the best cell",
            ),
            Recipe(
                "geoaware",
                "Zhang et al., Telling Left from Right, CVPR 2024, zero-shot",
                "fused",
                options={"sd": {"timestep": 50, "components": None}},
                matcher="soft-argmax",
                matcher_options={"temperature": 0.02, "window": 5},
                protocols={
                    "spair-71k": replace(PROTOCOLS["spair-71k"], average="per-image"),
                    "ap-10k": PROTOCOLS["ap-10k"],
                },
                pose_alignment=True,
                note=f"{_IMPLICIT}; poses are aligned by mutual neighbours, without masks",
            ),
        )
    }
)
"""The recipes that `descr evaluate --recipe` takes."""


def find_recipe(name: str) -> Recipe:
    """The recipe of this name; `OptionError` with those that exist where there is none."""
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    return RECIPES[name]
