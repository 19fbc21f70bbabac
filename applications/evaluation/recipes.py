"""The rows of the papers by name: descriptor, matcher, how points are read, and the protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ...descriptors.sampling import Interpolation
from ...descriptors.settings import unknown
from .protocol import PROTOCOLS, Protocol, protocol_of
from .published import Published, find_published


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
    note: str = ""

    def protocol(self, dataset: str) -> Protocol:
        """How the paper measures on this data set; `OptionError` for one that isn't known."""
        return self.protocols.get(dataset) or protocol_of(dataset)

    def published(self, dataset: str) -> tuple[Published, ...]:
        """The published rows of the recipe's descriptor on this data set."""
        return find_published(dataset, self.descriptor)

    def options_for(self, category: str) -> dict[str, Any]:
        """The options of the descriptor for images of this category."""
        own = {} if self.category_option is None else {self.category_option: category}
        return {**self.options, **own}


_TALE = "Zhang et al., A Tale of Two Features, NeurIPS 2023"
_IMPLICIT = "the prompt is empty; the original conditions on an implicit captioner"
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
                note=f"{_IMPLICIT}, and its PCA is random",
            ),
            Recipe(
                "tale-sd",
                _TALE,
                "sd",
                protocols={"pf-pascal": _POOLED},
                note=f"{_IMPLICIT}, and its PCA is random",
            ),
            Recipe("tale-dinov2", _TALE, "dinov2", protocols={"pf-pascal": _POOLED}),
            Recipe(
                "dift",
                "Tang et al., Emergent Correspondence from Image Diffusion, NeurIPS 2023",
                "dift",
                interpolation="bilinear",
                protocols={
                    "spair-71k": replace(PROTOCOLS["spair-71k"], alphas=(0.1,), comparison="<=")
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
