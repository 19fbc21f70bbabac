"""Weights from safetensors files into modules: read once, in the precision they run in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsNotFoundError
from .quiet import quiet

_PORTION = 1 << 23
"""Bytes of a file that are mapped at once where they are converted."""

Renames = Mapping[str, tuple[str, ...]]
_UNNESTED: Renames = {"text_model.": ("",)}
"""Since transformers 5 a text encoder has no name of its own within its model; its files do."""


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


def load_transformer(
    kind: str, config: Path, files: Sequence[Path], *, device: torch.device
) -> Any:
    """The model of transformers of this kind, config and weights, in float32.

    Raises `WeightsNotFoundError` for damaged weights, and for a config of another kind.
    """
    with quiet():
        import transformers

        options = read_config(config)
        # The image half of a model of images and texts has its config within the model's.
        part = {key: options[key] for key in ("projection_dim",) if key in options}
        options = {**options.get("vision_config", options), **part} if "Vision" in kind else options
        cls = getattr(transformers, kind)
        try:
            with torch.device("meta"):
                model = cls._from_config(cls.config_class.from_dict(options))
        except Exception as error:  # each check of a config raises its own kind
            reason = first_line(error)
            raise WeightsNotFoundError(f"{config}: describes no {kind}: {reason}") from error
        load_weights(model, files, dtype=torch.float32, device=device, renames=_UNNESTED)
    for module in model.modules():
        # Not part of the weights: the places of a sequence, counted.
        if "position_ids" in dict(module.named_buffers(recurse=False)):
            count = module.position_ids.shape[-1]
            module.position_ids = torch.arange(count, device=device)[None]
    return model


def first_line(error: Exception) -> str:
    """What an error says first, on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def load_tensors(files: Sequence[Path], *, device: torch.device) -> dict[str, torch.Tensor]:
    """All tensors of safetensors files by name, in float32.

    Raises `WeightsNotFoundError`, naming the file, for a damaged one.
    """
    tensors: dict[str, torch.Tensor] = {}
    for path in files:
        with _safetensors(path) as file:
            for name in file.keys():  # noqa: SIM118 (it is no mapping)
                tensors[name] = file.get_tensor(name).to(device, torch.float32)
    return tensors


def load_weights(
    module: torch.nn.Module,
    files: Sequence[Path],
    *,
    dtype: torch.dtype,
    device: torch.device,
    renames: Renames | None = None,
) -> None:
    """Fill a module that was made on the `meta` device; what it has no place for is not read.

    Tensors come straight from the memory map of the file; those that have the right precision
    and stay on the CPU are never copied. Those that are converted go one at a time, and the map
    is let go every 8 MiB, so that neither the file nor a second copy of the weights stays in
    memory.

    `renames` says what to replace in a name of the files that the module doesn't know; a name that
    becomes several is cut into as many equal parts along its first dimension. Raises
    `WeightsNotFoundError`, which names the file, if one is damaged, or a weight is missing or has
    another shape.
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
    with _safetensors(path) as tensors:
        names = [
            (name, places)
            for name in tensors.keys()  # noqa: SIM118 (it is no mapping)
            if (places := _places(name, wanted, renames))
        ]
    while names:
        with _safetensors(path) as tensors:
            yield _portion(tensors, names)


@contextmanager
def _safetensors(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as tensors:
            yield tensors
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
