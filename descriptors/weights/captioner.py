"""The implicit captioner of ODISE: its few tensors, out of the authors' checkpoint."""

import os
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import OutputError, WeightsNotFoundError
from ..runtime.atomic import whole_file, writing
from .cache import captioner_folder
from .reading import opened, shorten

FILE = "captioner.safetensors"
CHECKPOINT = "odise_label_coco_50e-b67d2efc.pth"
SOURCE = "https://github.com/NVlabs/ODISE/releases"
LICENCE = "NVIDIA source code licence, non-commercial"

_PREFIX = "backbone.feature_extractor."
TENSORS: Mapping[str, tuple[str | int, ...]] = {
    "clip_project.linear.weight": ("context", "embedding"),
    "clip_project.linear.bias": ("context",),
    "clip_project.positional_embedding": (1, "tokens", "context"),
    "alpha_cond": (1, "tokens", "context"),
    "time_embed_project.linear.weight": ("time", "embedding"),
    "time_embed_project.linear.bias": ("time",),
    "time_embed_project.positional_embedding": (1, 1, "time"),
    "alpha_cond_time_embed": ("time",),
}
"""The shapes; sizes of one name are equal. "embedding" is that of an image by CLIP."""


def convert(
    checkpoint: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """The safetensors file of the captioner in the authors' checkpoint, written in float32.

    No code of the checkpoint is run. `folder` is by default where "odise" is looked for. A file
    that is there with other content is replaced only if `overwrite` is set.

    Raises:
        WeightsNotFoundError: It is no checkpoint of torch, needs code to be read, or lacks a
            tensor; one has a shape that does not fit the others, or numbers that are not finite.
        OutputError: The result can't be written, or is there with other content.
    """
    from safetensors.torch import save

    tensors = _read(Path(checkpoint))
    target = Path(captioner_folder("odise") if folder is None else folder) / FILE
    with writing(target.parent, "can't be made"):
        target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as temporary:
        # In one entry: the order of several differs from run to run, and with it the fingerprint.
        data = save(tensors, {"source": f"{CHECKPOINT} of {SOURCE} ({LICENCE})"})
        if target.is_file() and not overwrite and target.read_bytes() != data:
            hint = "give --overwrite to replace it, or another folder with -o"
            raise OutputError(f"{target}: exists, and holds something else", hint=hint)
        temporary.write_bytes(data)
    return target


def check_shapes(shapes: Mapping[str, Sequence[int]]) -> int:
    """The length of the image embedding that tensors of these shapes take; `ValueError` if none."""
    sizes: dict[str | int, int] = {1: 1}
    for name, dimensions in TENSORS.items():
        if name not in shapes:
            raise ValueError(f"lacks {name}")
        shape, expected = shapes[name], [sizes.get(one, one) for one in dimensions]
        pairs = zip(dimensions, shape, strict=False)
        if len(shape) != len(dimensions) or any(sizes.setdefault(*one) != one[1] for one in pairs):
            texts = [shorten(" x ".join(map(str, one))) for one in (shape, expected)]
            raise ValueError(f"{name} has the shape {texts[0]}, not {texts[1]}")
    return sizes["embedding"]


def _read(path: Path) -> dict[str, Any]:
    """The captioner's tensors in a checkpoint, checked, in float32."""
    import torch

    hint = f"give {CHECKPOINT} of {SOURCE}"
    if not os.path.exists(path):
        raise WeightsNotFoundError(f"{path}: no such file", hint=hint)
    with opened(path) as file:
        start, size = file.read(4), os.fstat(file.fileno()).st_size
    archive = start == b"PK\3\4"
    if not archive and not start.startswith(b"\x80"):
        raise WeightsNotFoundError(f"{path}: is not a checkpoint of torch", hint=hint)
    reason = "is not a checkpoint of torch, or is cut short"
    try:
        if archive:
            with zipfile.ZipFile(path) as entries:
                # Torch writes them as they are: a packed one may be of any size.
                if any(one.compress_type for one in entries.infolist()):
                    raise zipfile.BadZipFile
        # Mapped, so that only what is taken is read; the older form of checkpoints can't be.
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
        state = loaded.get("model", loaded) if isinstance(loaded, dict) else loaded
        state = state if isinstance(state, Mapping) else {}
        stored = {
            name: one
            for name in TENSORS
            if isinstance(one := state.get(_PREFIX + name), torch.Tensor)
            and one.is_floating_point()
        }
        check_shapes({name: one.shape for name, one in stored.items()})
        for name, one in stored.items():
            # Strides of 0 would make terabytes of one number.
            if one.nbytes > size:
                raise ValueError(f"{name} is larger than the file")
            stored[name] = one.to(torch.float32, copy=True).contiguous()
            if not stored[name].isfinite().all():
                raise ValueError(f"{name} holds numbers that are not finite")
    except Exception as error:  # torch has no error of its own for what it can't read
        if isinstance(error, ValueError):
            reason = f"{error} (below {_PREFIX[:-1]})"
        elif isinstance(error, pickle.UnpicklingError):
            reason = "is no checkpoint of tensors alone: reading it would run code"
            hint += "; if that is it, and you trust it, save it anew: "
            hint += "torch.save(torch.load(FILE, weights_only=False)['model'], NEW)"
        raise WeightsNotFoundError(f"{path}: {reason}", hint=hint) from error
    return stored
