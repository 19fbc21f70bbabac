"""A model's name or folder to the weights on this machine, without touching the network."""

import os
from pathlib import Path

from ..errors import OptionError, WeightsNotFoundError
from ..settings import check_choice, unknown
from .cache import cache_folder, captioner_folder, snapshots
from .captioner import CHECKPOINT, FILE, SOURCE, check_shapes
from .checkpoint import Checkpoint, is_half
from .fingerprint import fingerprint
from .folders import CAPTIONER, CLIP, PRECISIONS, TITLES, Weights, read_folder
from .header import read_header
from .table import IMAGE_ENCODER, MODELS, Model, find_model

LOCAL = "local"
"""The name of weights that a folder of the user holds; their revision says which they are."""


def find_weights(
    model: str | os.PathLike[str], family: str, *, precision: str | None = None
) -> Checkpoint:
    """The weights of a model, by its name in the table or by the folder that holds them.

    Only looks at files: it loads no weights and never touches the network. A name goes before a
    folder of the same name; write `./name` for the folder.

    Parameters
    ----------
    model:
        A name of `MODELS`, or the path of a diffusers pipeline folder ("stable_diffusion"), a
        transformers model folder ("dinov2", "dinov3", "clipseg", "clip") or a folder with
        `captioner.safetensors` and `image_encoder` ("captioner"), with weights in safetensors.
    family:
        Which kind of model is wanted.
    precision:
        Which variant goes first where several are there, "float16" or "float32"; by default the
        one that a pull gets by default. `Checkpoint.precision` says which one it is.

    Raises
    ------
    WeightsNotFoundError
        If the weights are not on this machine, with the command that gets them; or if the folder
        does not exist, lacks a file, or holds something else.
    OptionError
        If the name is not known, or is that of a model of another family.
    """
    if precision is not None:
        check_choice("precision", precision, PRECISIONS)
    if not isinstance(model, (str, os.PathLike)):
        raise OptionError(f"model must be a name or the path of a folder, not {model!r}")
    model = os.fspath(model)
    known = MODELS.get(model)
    if known is not None:
        if known.family != family:
            raise _unknown(model, family)
        if known.repositories:
            found = _cached(known, precision)
            if found is None:
                flag = f" --precision {precision}" if precision else ""
                size = known.full_size if precision == "float32" else known.size
                raise WeightsNotFoundError(
                    f"the weights of {model!r} are not on this machine",
                    hint=f"get them with: descr models pull {model}{flag} "
                    f"({size / 1e9:.2f} GB); or give a local folder as the model",
                )
            return found
        folder = captioner_folder(model)
    else:
        folder = Path(os.path.expanduser(model))
        if not os.path.isdir(folder):
            raise _no_folder(model, folder, family)
    read = _read_captioner if family == CAPTIONER else read_folder
    weights = read(folder, family, precision)
    return Checkpoint(
        folder=folder,
        # Not the folder's: a copy of it under another name holds the same model.
        name=LOCAL if known is None else model,
        family=family,
        revision=fingerprint(folder, family, weights),
        weights=weights,
    )


def cached(name: str, *, precision: str | None = None) -> Checkpoint | None:
    """The weights of a model of the table on this machine, None if they are not complete.

    Complete means that one commit of one of the model's repositories is in the hub's cache with
    every file that the model needs, each as long as it says it is. Those in the wanted precision
    go before others. Never touches the network.

    Raises `OptionError` for a name or a precision that is not known.
    """
    try:
        return find_weights(name, find_model(name).family, precision=precision)
    except WeightsNotFoundError:
        return None


def _cached(model: Model, precision: str | None) -> Checkpoint | None:
    cache, wanted = cache_folder(), precision or model.precision
    found = [
        checkpoint
        for repository in model.repositories
        for snapshot in snapshots(repository, cache)
        if (checkpoint := read_snapshot(model, snapshot, precision)) is not None
    ]
    return next((one for one in found if one.precision == wanted), next(iter(found), None))


def read_snapshot(model: Model, snapshot: Path, precision: str | None) -> Checkpoint | None:
    """The model's weights in one commit's folder of the cache, None if they are not complete."""
    if not all((snapshot / name).is_file() for name in model.files):
        return None
    try:
        weights = read_folder(snapshot, model.family, precision)
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


def _read_captioner(folder: Path, family: str, precision: str | None) -> Weights:
    """The files of a captioner and of its image encoder, which may be the one that is pulled."""
    own, encoder = folder / FILE, folder / "image_encoder"
    found = None if os.path.isdir(encoder) else _cached(MODELS[IMAGE_ENCODER], precision)
    lacks = {}
    if not os.path.exists(own):
        lacks[FILE] = f"descr models convert {CHECKPOINT} (of {SOURCE})"
    if not os.path.isdir(encoder) and found is None:
        lacks["its image encoder"] = f"descr models pull {IMAGE_ENCODER}"
    if lacks:
        raise WeightsNotFoundError(
            f"the captioner in {folder} lacks {' and '.join(lacks)}",
            hint=f"get what it lacks with: {'; then '.join(lacks.values())}",
        )
    files = (found.weights if found else read_folder(encoder, CLIP, precision))[""]
    tensors = read_header(own)[1]
    try:
        width = check_shapes({name: one["shape"] for name, one in tensors.items()})
    except ValueError as error:
        raise WeightsNotFoundError(f"{own}: {error}", hint="convert it again") from error
    projections = (read_header(path)[1].get("visual_projection.weight") for path in files)
    given = next((one["shape"][0] for one in projections if one and one["shape"]), None)
    if given != width:
        raise WeightsNotFoundError(
            f"{files[0].parent}: is not the image encoder of {own}, which reads {width} numbers "
            f"for an image; it gives {given or 'none'}",
            hint="give the folder of the CLIPVisionModelWithProjection that it was trained with",
        )
    return {"captioner": (own,), "image_encoder": files}


def _no_folder(model: str, folder: Path, family: str) -> Exception:
    for known in MODELS.values():
        if model in known.repositories:
            return WeightsNotFoundError(
                f"{model}: is a repository, not a folder",
                hint=f"its name here is {known.name}; get it with: descr models pull {known.name}",
            )
    if os.path.exists(folder):
        return WeightsNotFoundError(
            f"{model}: is a file; a model is a folder",
            hint="give the folder of a diffusers pipeline or of a transformers model",
        )
    if model.startswith(("~", ".")) or os.sep in model or "/" in model:
        return WeightsNotFoundError(
            f"{model}: no such folder",
            hint=f"give a folder that exists, or one of {', '.join(_names(family))}",
        )
    return _unknown(model, family)


def _unknown(model: str, family: str) -> Exception:
    error = unknown(f"{TITLES[family]} model", model, _names(family))
    error.hint = f"{error.hint}; or give a local folder"
    return error


def _names(family: str) -> list[str]:
    return [model.name for model in MODELS.values() if model.family == family]
