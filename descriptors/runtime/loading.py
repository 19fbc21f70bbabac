"""Weights from safetensors files into modules: read once, in the precision they run in."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsNotFoundError
from ..weights.configs import read_config
from ..weights.header import read_tensors
from ..weights.reading import shorten
from .quiet import quiet

_PORTION = 1 << 23
"""Bytes of a file that are mapped at once where they are converted."""

_FLOATS = ("F16", "BF16", "F32", "F64")
_INTEGERS = ("I64",)

Renames = Mapping[str, tuple[str, ...]]
_UNNESTED: Renames = {"text_model.": ("",)}
"""Since transformers 5 a text encoder has no name of its own within its model; its files do."""


def empty_module(kind: str, config: Mapping[str, Any], place: Path) -> Any:
    """The module of diffusers or transformers of this kind and config, on the `meta` device.

    `config` is what `read_config` gave of the folder or file `place`. Raises
    `WeightsNotFoundError`, naming that, if there can be no such module.
    """
    with quiet():
        try:
            with torch.device("meta"):
                if "_class_name" in config:
                    import diffusers

                    return getattr(diffusers, kind).from_config(dict(config))
                import transformers

                cls = getattr(transformers, kind)
                # Named here, since attention can be code that the library fetches and runs.
                return cls._from_config(
                    cls.config_class.from_dict(dict(config)), attn_implementation="sdpa"
                )
        except Exception as error:  # each check of a config raises its own kind
            reason = first_line(error)
            raise WeightsNotFoundError(f"{place}: describes no {kind}: {reason}") from error


def load_transformer(kind: str, path: Path, files: Sequence[Path], *, device: torch.device) -> Any:
    """The model of transformers of this kind, config and weights, in float32.

    Raises `WeightsNotFoundError` for damaged weights, and for a config of another kind.
    """
    config = read_config(path, kind)
    if "Vision" in kind:
        # The image half of a model of images and texts has its config within the model's.
        part = {key: config[key] for key in ("projection_dim",) if key in config}
        config = {**(config.pop("vision_config", None) or config), **part}
    model = empty_module(kind, config, path)
    load_weights(model, files, dtype=torch.float32, device=device, renames=_UNNESTED)
    for module in model.modules():
        # Not part of the weights: the places of a sequence, counted.
        if "position_ids" in dict(module.named_buffers(recurse=False)):
            count = module.position_ids.shape[-1]
            module.position_ids = torch.arange(count, device=device)[None]
    return model


def first_line(error: Exception) -> str:
    """What an error says first, on one line."""
    return shorten((str(error).strip() or type(error).__name__).splitlines()[0])


def load_tensors(files: Sequence[Path], *, device: torch.device) -> dict[str, torch.Tensor]:
    """All tensors of safetensors files by name, in float32.

    Raises `WeightsNotFoundError`, naming the file, for a damaged one.
    """
    tensors: dict[str, torch.Tensor] = {}
    for path in files:
        stored = read_tensors(path)
        with _safetensors(path) as file:
            for name, one in stored.items():
                _check_dtype(path, name, one["dtype"], _FLOATS)
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
    wanted = module.state_dict()
    missing = dict(wanted)
    for path in files:
        for portion in _read(path, wanted, renames or {}):
            converted: dict[str, torch.Tensor] = {}
            for name, tensor in portion:
                if tensor.shape != wanted[name].shape:
                    raise WeightsNotFoundError(
                        f"{path}: {name} has the shape {tuple(tensor.shape)}, its config says "
                        f"{tuple(wanted[name].shape)}",
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
    path: Path, wanted: Mapping[str, torch.Tensor], renames: Renames
) -> Iterator[list[tuple[str, torch.Tensor]]]:
    """The wanted weights of a file by the module's names, in portions with a map each."""
    names = []
    for name, stored in read_tensors(path).items():
        if places := _places(name, wanted, renames):
            floats = wanted[places[0]].is_floating_point()
            _check_dtype(path, places[0], stored["dtype"], _FLOATS if floats else _INTEGERS)
            names.append((name, places))
    while names:
        with _safetensors(path) as tensors:
            yield _portion(tensors, names)


def _check_dtype(path: Path, name: str, dtype: str, expected: Collection[str]) -> None:
    if dtype not in expected:
        raise WeightsNotFoundError(
            f"{path}: {name} is stored as {shorten(dtype)}, not as {' or '.join(expected)}",
            hint="quantized weights can't be used: get those of the original model",
        )


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


def _places(name: str, wanted: Collection[str], renames: Renames) -> tuple[str, ...]:
    """Where a weight of a file goes: one name of the module, several, or none."""
    if name in wanted:
        return (name,)
    for old, new in renames.items():
        if old in name:
            places = tuple(name.replace(old, part) for part in new)
            return places if all(place in wanted for place in places) else ()
    return ()
