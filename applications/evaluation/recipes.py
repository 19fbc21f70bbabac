"""The rows of the papers by name: descriptor, matcher, how points are read, and the protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ...descriptors.settings import unknown
from .conventions import Convention
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
    points:
        How points are read and answered, on data sets that have points.
    protocols:
        The protocol that the paper reports by data set, where it isn't that of `PROTOCOLS`.
    dataset_options:
        Options of the data set by its name, for `open_dataset`.
    category_option, category_text:
        The option of the descriptor, or of a part as in `sd.prompt`, that takes the category of
        the pair, and the text with the category in braces; None where the features don't depend
        on it.
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
    points: Convention = "half-pixel"
    protocols: Mapping[str, Protocol] = field(default_factory=dict)
    dataset_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    category_option: str | None = None
    category_text: str = "{}"
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
        if self.category_option is None:
            return dict(self.options)
        part, _, name = self.category_option.rpartition(".")
        own = {name: self.category_text.format(category)}
        return {**self.options, **({part: {**self.options.get(part, {}), **own}} if part else own)}


_AS_THEY_STAND = {"pf-pascal": {"first_pixel": 0}}
_ROUNDED = "rounding differs, by features that are stored with 10 bits and by cuDNN"
_PADDING = "the original keeps cells on padding"
_TALE: Mapping[str, Any] = {
    "source": "Zhang et al., A Tale of Two Features, NeurIPS 2023",
    "points": "original",
    "protocols": {"pf-pascal": replace(PROTOCOLS["pf-pascal"], average="pair-weighted")},
    "dataset_options": _AS_THEY_STAND,
}
_TSS = f"and on TSS divides where a floor was meant; {_ROUNDED}"
_RANDOM = f"{_PADDING}, has a randomised PCA, {_TSS}"

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            Recipe("tale", descriptor="fused", note=_RANDOM, **_TALE),
            Recipe(
                "tale-text",
                descriptor="fused",
                category_option="sd.prompt",
                category_text="a photo of {}",
                note=_RANDOM,
                **_TALE,
            ),
            Recipe("tale-sd", descriptor="sd", note=_RANDOM, **_TALE),
            Recipe("tale-dinov2", descriptor="dinov2", note=f"{_PADDING}, {_TSS}", **_TALE),
            Recipe(
                "dift",
                "Tang et al., Emergent Correspondence from Image Diffusion, NeurIPS 2023",
                "dift",
                points="dift",
                protocols={
                    "spair-71k": replace(PROTOCOLS["spair-71k"], alphas=(0.1,), comparison="<=")
                },
                category_option="category",
                note=f"the original's noise has no seed; {_ROUNDED}",
            ),
            Recipe(
                "geoaware",
                "Zhang et al., Telling Left from Right, CVPR 2024, zero-shot",
                "fused",
                options={"sd": {"timestep": 50, "components": None}},
                matcher="soft-argmax",
                matcher_options={"temperature": 0.02, "window": 5},
                points="geoaware",
                protocols={
                    "spair-71k": replace(PROTOCOLS["spair-71k"], average="per-image"),
                },
                dataset_options=_AS_THEY_STAND,
                pose_alignment=True,
                note=f"{_PADDING}, aligns poses within masks of SAM where ours takes mutual "
                f"neighbours, and lets its soft-argmax leak outside the window; {_ROUNDED}",
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
