"""The rows of the papers by name: descriptor, matcher, how points are read, and the protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ....descriptors import Descriptor, create
from ....descriptors.errors import OptionError, WeightsNotFoundError
from ....descriptors.settings import unknown
from ....descriptors.weights import cached, find_weights
from ..datasets.base import Truth
from ..run.settings import Settings
from .conventions import Convention
from .papers import PAPERS
from .protocol import PROTOCOLS, PUBLISHED, Protocol, Published, find_published, protocol_of

CAPTIONER = "odise"
"""The captioner of the papers, by its name in `find_weights`."""


@dataclass(frozen=True)
class Recipe:
    """One row of a paper: all that `descr evaluate` needs to measure it again.

    Args:
        name: What it is called on the command line.
        source: The publication.
        descriptor, options: Name and options of the descriptor, for `descr.descriptors.create`.
        matcher, matcher_options: Name and options of the matcher, for `descr.matchers.create`.
        points: How points are read and answered, on data sets that have points.
        datasets: The data sets that it is for, by name; empty for all.
        protocols: By data set what the paper reports, where it isn't that of `PROTOCOLS`.
        dataset_options: By data set its options, for `open_dataset`.
        category_option, category_text: The option of the descriptor, or of a part as in
            `sd.prompt`, that takes the category of the pair, and its text with braces for that;
            None where the features don't depend on it.
        captioner_option: The option that takes the implicit captioner, where it is on this machine;
            None where the original has none.
        pose_alignment: As `Settings.align_pose`.
        printed: Whether the published numbers of the descriptor are those of this recipe.
        note, notes: What differs from the original: on all data sets, and by data set.
    """

    name: str
    source: str
    descriptor: str
    options: Mapping[str, Any] = field(default_factory=dict)
    matcher: str = "nearest"
    matcher_options: Mapping[str, Any] = field(default_factory=dict)
    points: Convention = "half-pixel"
    datasets: tuple[str, ...] = ()
    protocols: Mapping[str, Protocol] = field(default_factory=dict)
    dataset_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    category_option: str | None = None
    category_text: str = "{}"
    captioner_option: str | None = None
    pose_alignment: bool = False
    printed: bool = True
    note: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    def protocol(self, dataset: str) -> Protocol:
        """How the paper measures on this data set; `OptionError` for one that isn't known."""
        return self.protocols.get(dataset) or protocol_of(dataset)

    def published(self, dataset: str) -> tuple[Published, ...]:
        """The published rows on this data set of the recipe, or of its descriptor."""
        if not (self.printed and self.takes(dataset)):
            return ()
        own = self.name if any(row.recipe == self.name for row in PUBLISHED) else ""
        return tuple(row for row in find_published(dataset, self.descriptor) if row.recipe == own)

    def takes(self, dataset: str) -> bool:
        """Whether the recipe is for a data set of this name."""
        return not self.datasets or dataset in self.datasets

    @property
    def captioner(self) -> str | None:
        """The captioner that the features are made with; None where it isn't on this machine."""
        there = self.captioner_option is not None and cached(CAPTIONER) is not None
        return CAPTIONER if there else None

    def captioner_line(self, options: Mapping[str, Any]) -> str:
        """Which captioner `describe` takes with these options, and how to get what isn't here."""
        part, _, name = (self.captioner_option or "").rpartition(".")
        own = options.get(part, {}) if part else options
        if name in own:
            return f"captioner: {own[name] or 'none'}"
        try:
            find_weights(CAPTIONER, "captioner")
        except WeightsNotFoundError as error:
            return f"captioner: none, as it is not on this machine; {error.hint}"
        return f"captioner: {CAPTIONER}"

    def settings(self, truth: Truth) -> Settings:
        """What else decides the answers, on a data set of this truth."""
        if truth != "points":
            return Settings(lossless=True)
        return Settings(points=self.points, align_pose=self.pose_alignment, lossless=True)

    def options_for(self, category: str) -> dict[str, Any]:
        """The options of the descriptor for images of this category."""
        options = dict(self.options)
        for name, value in (
            (self.category_option, self.category_text.format(category)),
            (self.captioner_option, self.captioner),
        ):
            if name is not None:
                part, _, inner = name.rpartition(".")
                options = _merged(options, {part: {inner: value}} if part else {inner: value})
        return options

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


def _value(value: Any) -> Any:
    """A value of the data file as Python has it: tuples for lists, None for "none"."""
    if isinstance(value, dict):
        return {name: _value(one) for name, one in value.items()}
    if isinstance(value, list):
        return tuple(map(_value, value))
    return None if value == "none" else value


def _recipe(name: str, fields: dict[str, Any]) -> Recipe:
    fields = {**PAPERS["papers"].get(fields.pop("paper", ""), {}), **fields}
    changes = fields.pop("protocols", {})
    protocols = {key: replace(PROTOCOLS[key], **change) for key, change in changes.items()}
    return Recipe(name, protocols=protocols, **fields)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {name: _recipe(name, _value(fields)) for name, fields in PAPERS["recipes"].items()}
)
"""The recipes that `descr evaluate --recipe` takes."""


def find_recipe(name: str, dataset: str = "") -> Recipe:
    """The recipe of this name; `OptionError` where there is none, or it isn't for the data set."""
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    recipe = RECIPES[name]
    if dataset and not recipe.takes(dataset):
        raise OptionError(
            f"the recipe {name} is not for {dataset}",
            hint=f"it is for {' and '.join(recipe.datasets)}",
        )
    return recipe
