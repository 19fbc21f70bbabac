"""A model's name or folder to the weights on this machine, without touching the network."""

import os
from importlib.util import find_spec
from pathlib import Path

from ..errors import OptionError, WeightsNotFoundError
from ..settings import check_choice, unknown
from .cache import cache_folder, captioner_folder, snapshots
from .captioner import CHECKPOINT, FILE, SOURCE, check_shapes
from .checkpoint import Checkpoint, fingerprint, is_half
from .folders import CAPTIONER, PRECISIONS, Weights, family_of, read_folder
from .model import Model
from .reading import opened, read_header
from .table import IMAGE_ENCODER, MODELS, find_model, find_models

LOCAL = "local"
"""The name of weights that a folder of the user holds; their revision says which they are."""
PREFERENCE = ("fused", "dinov2", "xfeat")
"""The descriptors with weights that are considered where none is named, the best first."""
EMBEDDED = "sift"
"""The descriptor that needs no weights."""
SAME_SURFACE = ("xfeat", EMBEDDED)
"""Those that find a surface in another view of it, and not the like part of another object."""


def find_weights(
    model: str | os.PathLike[str], family: str, *, precision: str | None = None
) -> Checkpoint:
    """The weights of a model, by its name in the table or by the folder that holds them.

    Only looks at files: it loads no weights and never touches the network. A name goes before a
    folder of the same name; write `./name` for the folder.

    Args:
        model: A name of `MODELS`, or the path of a diffusers pipeline folder ("stable_diffusion"),
            a transformers model folder ("dinov2", "dinov3", "clipseg", "clip"), a folder with
            `captioner.safetensors` and `image_encoder` ("captioner"), or of one with the files that
            the models of another family state; with weights in safetensors.
        family: Which kind of model is wanted.
        precision: Which variant goes first where several are there, "float16" or "float32"; by
            default as in a pull. `Checkpoint.precision` says which one it is.

    Raises:
        WeightsNotFoundError: The weights are not on this machine, with the command that gets them;
            or the folder does not exist, lacks a file, or holds something else.
        OptionError: The name is not known, or is that of a model of another family.
    """
    if precision is not None:
        check_choice("precision", precision, PRECISIONS)
    if not isinstance(model, (str, os.PathLike)):
        raise OptionError(f"model must be a name or the path of a folder, not {model!r}")
    model = os.fspath(model)
    entry = MODELS.get(model)
    folder, layout = captioner_folder(model), entry or _any_of(family)
    if entry is None:
        folder = Path(os.path.expanduser(model))
        if not os.path.isdir(folder):
            raise _no_folder(model, folder, family)
    elif entry.family != family:
        raise _unknown(model, family)
    elif entry.repositories:
        if checkpoint := _cached(entry, precision):
            return checkpoint
        raise _not_here(entry, precision)
    if entry is not None and entry.package:
        folder, weights = _installed(entry)
    elif family == CAPTIONER:
        weights = _read_captioner(folder, precision)
    else:
        weights = read_folder(folder, layout, precision)
    return Checkpoint(
        folder=folder,
        # Not the folder's: a copy of it under another name holds the same model.
        name=LOCAL if entry is None else model,
        family=family,
        revision=fingerprint(folder, family_of(layout).configs, weights),
        weights=weights,
    )


def cached(name: str, *, precision: str | None = None) -> Checkpoint | None:
    """The weights of a model of the table on this machine, None if they are not complete.

    Complete means that one commit of one of the model's repositories is in the hub's cache with
    every file that the model needs, each as long as it says it is. Those in the wanted precision
    go before others. Never touches the network. Raises `OptionError` for what is not known.
    """
    try:
        return find_weights(name, find_model(name).family, precision=precision)
    except WeightsNotFoundError:
        return None


def missing_models(name: str) -> tuple[Model, ...]:
    """Those of the models of a name, as `find_models` takes it, that are not on this machine."""
    return tuple(model for model in find_models(name) if cached(model.name) is None)


def best_descriptor() -> str:
    """The name of the best descriptor whose weights are on this machine, or of the embedded one."""
    models = MODELS.by_descriptor()
    here = (name for name in PREFERENCE if name in models and not missing_models(name))
    return next(here, EMBEDDED)


def explain_auto() -> tuple[str, str]:
    """The name of the descriptor that `auto` takes, why it, and what would bring the best."""
    name, best = best_descriptor(), PREFERENCE[0]
    reason = "embedded, needs no weights"
    if name != EMBEDDED:
        reason = "its weights are on this machine"
    if name == best:
        return name, reason
    if name in SAME_SURFACE:
        reason += "; it does not find parts across different objects"
    size = sum(model.size for model in missing_models(best))
    return name, f"{reason}; `descr models pull {best}` adds the best, {size / 1e9:.1f} GB"


def _cached(model: Model, precision: str | None) -> Checkpoint | None:
    cache, wanted = cache_folder(), precision or model.precision
    complete = [
        checkpoint
        for repository in model.repositories
        for snapshot in snapshots(repository, cache)
        if (checkpoint := read_snapshot(model, snapshot, precision)) is not None
    ]
    return min(complete, key=lambda one: one.precision != wanted, default=None)


def read_snapshot(model: Model, snapshot: Path, precision: str | None) -> Checkpoint | None:
    """The model's weights in one commit's folder of the cache, None if they are not complete."""
    if not all((snapshot / name).is_file() for name in model.files):
        return None
    try:
        weights = read_folder(snapshot, model, precision)
    except WeightsNotFoundError:
        return None
    full = sorted(part for part, files in weights.items() if model.half and not is_half(files))
    mixed = ["", *full] if len(full) < len(weights) else [""]
    return Checkpoint(
        folder=snapshot,
        name=model.name,
        family=model.family,
        revision=snapshot.name + ("+float32" + "-".join(mixed) if full else ""),
        weights=weights,
    )


def _installed(model: Model) -> tuple[Path, Weights]:
    """Where the package lies that brings a model's weights, and they; no code of it is run."""
    spec = find_spec(model.package)
    if spec is None or not spec.submodule_search_locations:
        message = f"the weights of {model.name!r} are not installed"
        raise WeightsNotFoundError(message, hint=f"get them with: {model.install}")
    folder = Path(spec.submodule_search_locations[0])
    files = tuple(folder / name for name in model.weights)
    for path in files:
        with opened(path):
            pass
    return folder, {"": files}


def _any_of(family: str) -> Model:
    """A model of the family, for what the folders of them all hold."""
    for model in MODELS.whole():
        if model.family == family:
            return model
    families = dict.fromkeys(model.family for model in MODELS.whole())
    raise unknown("family of models", family, families)


def _read_captioner(folder: Path, precision: str | None) -> Weights:
    """The files of a captioner and of its image encoder, which may be the one that is pulled."""
    own, encoder = folder / FILE, folder / "image_encoder"
    clip = MODELS[IMAGE_ENCODER]
    pulled = None if os.path.isdir(encoder) else _cached(clip, precision)
    lacks = {}
    if not os.path.exists(own):
        lacks[FILE] = f"descr models convert {CHECKPOINT} (of {SOURCE})"
    if not os.path.isdir(encoder) and pulled is None:
        lacks["its image encoder"] = f"descr models pull {IMAGE_ENCODER}"
    if lacks:
        raise WeightsNotFoundError(
            f"the captioner in {folder} lacks {' and '.join(lacks)}",
            hint=f"get what it lacks with: {'; then '.join(lacks.values())}",
        )
    files = (pulled.weights if pulled else read_folder(encoder, clip, precision))[""]
    tensors = read_header(own)[1]
    try:
        width = check_shapes({name: one["shape"] for name, one in tensors.items()})
    except ValueError as error:
        raise WeightsNotFoundError(f"{own}: {error}", hint="convert it again") from error
    projections = (read_header(path)[1].get("visual_projection.weight") for path in files)
    length = next((one["shape"][0] for one in projections if one and one["shape"]), None)
    if length != width:
        raise WeightsNotFoundError(
            f"{files[0].parent}: is not the image encoder of {own}, which reads {width} numbers "
            f"for an image; it gives {length or 'none'}",
            hint="give the folder of the CLIPVisionModelWithProjection that it was trained with",
        )
    return {"captioner": (own,), "image_encoder": files}


def _not_here(model: Model, precision: str | None) -> WeightsNotFoundError:
    flag = f" --precision {precision}" if precision else ""
    size = model.full_size if precision == "float32" else model.size
    gate = f"; {model.gate}" if model.gate else ""
    command = f"descr models pull {model.name}{flag} ({size / 1e9:.2f} GB){gate}"
    hint = f"get them with: {command}; or give a local folder as the model"
    return WeightsNotFoundError(f"the weights of {model.name!r} are not on this machine", hint=hint)


def _no_folder(model: str, folder: Path, family: str) -> Exception:
    for entry in MODELS.whole():
        if model in entry.repositories:
            return WeightsNotFoundError(
                f"{model}: is a repository, not a folder",
                hint=f"its name here is {entry.name}; get it with: descr models pull {entry.name}",
            )
    if os.path.exists(folder):
        hint = "give the folder of a diffusers pipeline or of a transformers model"
        return WeightsNotFoundError(f"{model}: is a file; a model is a folder", hint=hint)
    if model.startswith(("~", ".")) or os.sep in model or "/" in model:
        hint = f"give a folder that exists, or one of {', '.join(_names(family))}"
        return WeightsNotFoundError(f"{model}: no such folder", hint=hint)
    return _unknown(model, family)


def _unknown(model: str, family: str) -> Exception:
    error = unknown(f"{family_of(_any_of(family)).title} model", model, _names(family))
    error.hint = f"{error.hint}; or give a local folder"
    return error


def _names(family: str) -> list[str]:
    return [model.name for model in MODELS.whole() if model.family == family]
