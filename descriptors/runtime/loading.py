"""Weights from safetensors files into modules: read once, in the precision they run in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsNotFoundError
from .quiet import quiet

_PORTION = 1 << 23
"""Bytes of a file that are mapped at once where they are converted."""

Renames = Mapping[str, tuple[str, ...]]


def read_config(path: Path, kind: str | None = None) -> dict[str, Any]:
    """The object in a module's JSON config.

    Raises `WeightsNotFoundError`, naming the file, if it is missing or damaged, or if its
    `_class_name` is another than `kind`.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsNotFoundError(f"{path}: can't be read as JSON: {error}") from error
    found = config.get("_class_name") if isinstance(config, dict) else None
    if not isinstance(config, dict) or (kind is not None and found != kind):
        raise WeightsNotFoundError(f"{path}: describes {found!r}, not {kind!r}")
    return config


def empty_module(kind: str, config: Mapping[str, Any]) -> Any:
    """The module of diffusers of this kind and config, on the `meta` device."""
    with quiet():
        import diffusers

        with torch.device("meta"):
            return getattr(diffusers, kind).from_config(dict(config))


def load_weights(
    module: torch.nn.Module,
    files: Sequence[Path],
    *,
    dtype: torch.dtype,
    device: torch.device,
    renames: Renames | None = None,
) -> None:
    """Fill a module that was made on the `meta` device.

    Tensors come straight from the memory map of the file; those that have the right precision
    and stay on the CPU are never copied. Those that are converted go one at a time, and the map
    is let go every 8 MiB, so that neither the file nor a second copy of the weights stays in
    memory.

    Parameters
    ----------
    module:
        Any module on `meta`. Weights of the files that it has no place for are not read.
    files:
        Safetensors files that together hold its weights.
    dtype, device:
        What the weights are to have, and where they are to lie.
    renames:
        What to replace in a name of the files that the module doesn't know; a name that becomes
        several is cut into as many equal parts along its first dimension.

    Raises
    ------
    WeightsNotFoundError
        A file is damaged, or a weight is missing or has another shape; names the file.
    """
    wanted = {name: tensor.shape for name, tensor in module.state_dict().items()}
    missing = dict(wanted)
    for path in files:
        for portion in _read(path, wanted, renames or {}):
            converted: dict[str, torch.Tensor] = {}
            for name, tensor in portion:
                if tensor.shape != wanted[name]:
                    raise WeightsNotFoundError(
                        f"{path}: {name} has the shape {tuple(tensor.shape)}, its config says "
                        f"{tuple(wanted[name])}",
                        hint="the config and the weights are of different models: get both again",
                    )
                target = dtype if tensor.is_floating_point() else tensor.dtype
                converted[name] = tensor.to(device, target)
                missing.pop(name, None)
            module.load_state_dict(converted, strict=False, assign=True)
    if missing:
        name = next(iter(missing))
        raise WeightsNotFoundError(
            f"{files[0]}: lacks {len(missing)} of the {len(wanted)} weights of its config, such "
            f"as {name}",
            hint="the config and the weights are of different models: get both again",
        )
    module.eval().requires_grad_(False)


def _read(
    path: Path, wanted: Mapping[str, torch.Size], renames: Renames
) -> Iterator[list[tuple[str, torch.Tensor]]]:
    """The wanted weights of a file by the module's names, in portions with a map each."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as tensors:
            names = [
                (name, places)
                for name in tensors.keys()  # noqa: SIM118 (it is no mapping)
                if (places := _places(name, wanted, renames))
            ]
        while names:
            with safe_open(path, framework="pt") as tensors:
                yield _portion(tensors, names)
    except (SafetensorError, OSError) as error:
        raise WeightsNotFoundError(
            f"{path}: can't be read as safetensors: {error}", hint="get it again"
        ) from error


def _portion(
    tensors: Any, names: list[tuple[str, tuple[str, ...]]]
) -> list[tuple[str, torch.Tensor]]:
    """The first of these weights, up to the bound; they are taken off the list."""
    portion: list[tuple[str, torch.Tensor]] = []
    count = 0
    while names and count < _PORTION:
        name, places = names.pop(0)
        tensor = tensors.get_tensor(name)
        count += tensor.nbytes
        # A single number can't be cut, not even into one part.
        parts = (tensor,) if len(places) == 1 else tensor.chunk(len(places))
        portion += zip(places, parts, strict=True)
    return portion


def _places(name: str, wanted: Mapping[str, torch.Size], renames: Renames) -> tuple[str, ...]:
    """Where a weight of a file goes: one name of the module, several, or none."""
    if name in wanted:
        return (name,)
    for old, new in renames.items():
        if old in name:
            places = tuple(name.replace(old, part) for part in new)
            return places if all(place in wanted for place in places) else ()
    return ()
