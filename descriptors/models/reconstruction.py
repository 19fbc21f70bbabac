"""The descriptor of features, made again from what their layers say of themselves."""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any, cast

import xarray as xr

from .. import REGISTRY
from ..base import Descriptor
from ..combination.basis import Basis
from ..combination.recipe import difference
from ..errors import IncomparableFeaturesError, OptionError, WeightsNotFoundError
from ..features.tree import check_tree, tree_layers
from ..settings import construct
from ..weights import MODELS
from ..weights.folders import PRECISIONS
from .fused import Fused


def descriptor_of(features: xr.DataTree | Basis, *, device: str = "auto") -> Descriptor:
    """A descriptor whose features can be compared with those of a tree, or brought into a basis.

    It is one of the registry, a class of one's own that the program has imported, or a `Fused` of
    these, with the settings of the features. Precision is that of the device.

    Args:
        features: A feature tree, as `extract` or `load_features` gives it, or a basis.
        device: Where the descriptor works, if it takes a device; see `Backbone`.

    Raises:
        WeightsNotFoundError: The weights are not here, or in a folder that they don't name.
        IncomparableFeaturesError: There is no such descriptor here; names what differs.
        InvalidFeaturesError: The tree breaks the schema.
    """
    layers: dict[str, dict[Any, Any]]
    if isinstance(features, Basis):
        name, layers = f"those of the basis {features.identity[:12]}", {}
        for path, attributes in features.layers.items():
            layers[path] = {key: one for key, one in attributes.items() if key != "channels"}
    else:
        check_tree(features)
        name = f"those of {features.attrs['image_name']}"
        layers = {path: node.attrs for path, node in tree_layers(features).items()}
    sources = {attributes["source"]: attributes for attributes in layers.values()}
    try:
        parts = [_part(attributes, device) for attributes in sources.values()]
        weights = [float(attributes["weight"]) for attributes in sources.values()]
        descriptor = parts[0] if len(parts) == 1 else Fused(*parts, weights=weights)
        recipe = descriptor.recipe
        reason = None if recipe is None else difference(layers, recipe)
    except OptionError as error:
        reason = error.message
    if reason is not None:
        raise IncomparableFeaturesError(
            f"no descriptor here makes features like {name}: {reason}",
            hint="name the descriptor and its settings (--descriptor and --set)",
        )
    return descriptor


def _part(attributes: Mapping[Any, Any], device: str) -> Descriptor:
    """The descriptor of one source, by what one of its layers says."""
    source, model = attributes["source"], attributes["model"]
    settings = json.loads(attributes["settings"])
    kind = _class(source, model, settings)
    variant = attributes.get("weights_variant")
    options = {
        "device": device,
        "components": attributes.get("components"),
        "model": model,
        "resampling": attributes.get("resampling", "cascade"),
        "variant": variant if variant in PRECISIONS else None,
    }
    incidental = {*getattr(kind, "_incidental", ("device",))}
    names = incidental.intersection(kind.option_names(), options)
    weights = {"model": model, "captioner": settings.get("captioner")}
    if ":" in model:
        names.discard("model")
        weights.clear()
    for name, value in weights.items():
        # A path is not taken from a feature file, which may come from anywhere.
        if name in kind.option_names() and value is not None and value not in MODELS:
            raise WeightsNotFoundError(
                f"the {name} of {source} lies in a folder that its features don't name",
                hint="name the descriptor and its settings (--descriptor and --set), with "
                f"{name}=FOLDER",
            )
    settings = {name: value for name, value in settings.items() if name not in incidental}
    return construct(kind, source, {**settings, **{name: options[name] for name in names}})


def _class(source: str, model: str, settings: Mapping[str, Any]) -> type[Descriptor]:
    """The class that makes the features of this source with settings of these names."""
    # A feature file may come from anywhere: the module that it names is not imported for it.
    module, _, name = model.partition(":")
    kind: Any = getattr(sys.modules.get(module), name, None)
    if isinstance(kind, type) and issubclass(kind, Descriptor):
        return kind
    gaps: set[str] = set()
    for name in REGISTRY.available():
        try:
            kind = REGISTRY.find(name)
        except OptionError:
            continue  # One that can't be imported has nothing to do with the tree.
        # What `Fused` holds twice is numbered: `sift_2`.
        if getattr(kind, "source", None) == re.sub(r"_\d+$", "", source):
            names = {*kind.option_names()}.difference(kind._incidental)
            if names == {*settings}.difference(kind._incidental):
                return cast(type[Descriptor], kind)
            gaps = gaps or names.difference(settings)
    if gaps:
        raise OptionError(
            f"the features of {source} don't say what their {', '.join(sorted(gaps))} was: "
            "another version made them; extract them again"
        )
    raise OptionError(f"{source} is of {model!r}, which is no class that can be found")
