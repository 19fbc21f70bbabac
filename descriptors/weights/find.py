"""A model's name or folder to the weights on this machine, without touching the network."""

import os
from pathlib import Path

from ..errors import OptionError, WeightsNotFoundError
from ..settings import unknown
from .cache import cache_folder, snapshots
from .checkpoint import Checkpoint
from .fingerprint import fingerprint
from .folders import TITLES, read_folder
from .table import MODELS, Model, find_model

LOCAL = "local"
"""The name of weights that a folder of the user holds; their revision says which they are."""


def find_weights(model: str | os.PathLike[str], family: str) -> Checkpoint:
    """The weights of a model, by its name in the table or by the folder that holds them.

    Only looks at files: it loads no weights and never touches the network. A name goes before a
    folder of the same name; write `./name` for the folder.

    Parameters
    ----------
    model:
        A name of `MODELS`, or the path of a diffusers pipeline folder ("stable_diffusion") or a
        transformers model folder ("dinov2", "clipseg"), with its weights in safetensors.
    family:
        Which kind of model is wanted: "stable_diffusion", "dinov2" or "clipseg".

    Raises
    ------
    WeightsNotFoundError
        If the weights are not on this machine, with the command that gets them; or if the folder
        does not exist, lacks a file, or holds something else.
    OptionError
        If the name is not known, or is that of a model of another family.
    """
    if not isinstance(model, (str, os.PathLike)):
        raise OptionError(f"model must be a name or the path of a folder, not {model!r}")
    model = os.fspath(model)
    known = MODELS.get(model)
    if known is not None:
        if known.family != family:
            raise _unknown(model, family)
        found = cached(model)
        if found is None:
            raise WeightsNotFoundError(
                f"the weights of {model!r} are not on this machine",
                hint=f"get them with: descr models pull {model} "
                f"({known.size / 1e9:.2f} GB); or give a local folder as the model",
            )
        return found
    folder = Path(os.path.expanduser(model))
    if not folder.is_dir():
        raise _no_folder(model, folder, family)
    weights = read_folder(folder, family)
    return Checkpoint(
        folder=folder,
        # Not the folder's: a copy of it under another name holds the same model.
        name=LOCAL,
        family=family,
        revision=fingerprint(folder, family, weights),
        weights=weights,
    )


def cached(name: str) -> Checkpoint | None:
    """The weights of a model of the table in the hub's cache, None if they are not complete.

    Complete means that one commit of one of the model's repositories is there with every file
    that the model needs, each as long as it says it is. Never touches the network.

    Raises `OptionError` for a name that is not known.
    """
    model = find_model(name)
    cache = cache_folder()
    for repository in model.repositories:
        for snapshot in snapshots(repository, cache):
            found = read_snapshot(model, snapshot)
            if found is not None:
                return found
    return None


def read_snapshot(model: Model, snapshot: Path) -> Checkpoint | None:
    """The model's weights in one commit's folder of the cache, None if they are not complete."""
    if not all(any((snapshot / name).is_file() for name in names) for names in model.files):
        return None
    try:
        weights = read_folder(snapshot, model.family)
    except WeightsNotFoundError:
        return None
    return Checkpoint(
        folder=snapshot,
        name=model.name,
        family=model.family,
        revision=snapshot.name,
        weights=weights,
    )


def _no_folder(model: str, folder: Path, family: str) -> Exception:
    for known in MODELS.values():
        if model in known.repositories:
            return WeightsNotFoundError(
                f"{model}: is a repository, not a folder",
                hint=f"its name here is {known.name}; get it with: descr models pull {known.name}",
            )
    if folder.is_file():
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
