"""Weights from safetensors files into modules: read once, in the precision they run in."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsNotFoundError
from ..weights.configs import read_config
from ..weights.reading import read_header, shorten
from .quiet import quiet

_PORTION = 1 << 23  # bytes of a file that are mapped at once where they are converted

_FLOATS = ("F16", "BF16", "F32", "F64")
_OTHER_MODEL = "the config and the weights are of different models: get both again"

Renames = Mapping[str, tuple[str, ...]]
_UNNESTED: Renames = {"text_model.": ("",)}
"""Since transformers 5 a text encoder has no name of its own within its model; its files do."""


def empty_module(kind: str, config: Mapping[str, Any], place: Path) -> Any:
    """The module of diffusers or transformers of this kind and config, on the `meta` device.

    `config` is what `read_config` gave of the folder or file `place`, which errors name.
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
                own = cls.config_class.from_dict(dict(config))
                return cls._from_config(own, attn_implementation="sdpa")
        except Exception as error:  # each check of a config raises its own kind
            raise WeightsNotFoundError(f"{place}: describes no {kind}: {shorten(error)}") from error


def load_transformer(kind: str, path: Path, files: Sequence[Path], *, device: torch.device) -> Any:
    """The model of transformers of this kind, config and weights, in float32."""
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


def load_tensors(
    path: Path, names: Iterable[str], *, device: torch.device
) -> dict[str, torch.Tensor]:
    """The tensors of these names in a safetensors file, in float32; others are not read."""
    stored = read_header(path)[1]
    with _safetensors(path) as file:
        for name in names:
            _check_dtype(path, name, stored[name]["dtype"], _FLOATS)
        return {name: file.get_tensor(name).to(device, torch.float32) for name in names}


def load_weights(
    module: torch.nn.Module,
    files: Sequence[Path],
    *,
    dtype: torch.dtype,
    device: torch.device,
    renames: Renames | None = None,
) -> None:
    """Fill a module that was made on the `meta` device; what it has no place for is not read.

    Tensors come straight from the memory map of the file; those of the right precision on the CPU
    are never copied. The map is let go every 8 MiB of what is converted, so that no second copy of
    the weights stays in memory. Nothing is read before the headers say that all is there.

    `renames` says what to replace, in this order, in a name of the files that the module doesn't
    know; one that becomes several is cut into as many equal parts along its first dimension. Raises
    `WeightsNotFoundError`, which names the file, if one is damaged, or a weight is missing or has
    another shape.
    """
    wanted = module.state_dict()
    stored = {path: _stored(path, wanted, renames or {}) for path in files}
    filled = {place for names in stored.values() for _, places in names for place in places}
    if missing := [name for name in wanted if name not in filled]:
        raise WeightsNotFoundError(
            f"{files[0]}: lacks {len(missing)} of the {len(wanted)} weights of its config, such "
            f"as {missing[0]}",
            hint=_OTHER_MODEL,
        )
    for path, names in stored.items():
        while names:
            with _safetensors(path) as tensors:
                portion = _portion(tensors, names)
            for name, tensor in portion.items():
                target = dtype if tensor.is_floating_point() else tensor.dtype
                portion[name] = tensor.to(device, target)
            module.load_state_dict(portion, strict=False, assign=True)
    module.eval().requires_grad_(False)


def _stored(
    path: Path, wanted: Mapping[str, torch.Tensor], renames: Renames
) -> list[tuple[str, tuple[str, ...]]]:
    """The wanted weights of a file: the name of each there, and those of the module for it."""
    names = []
    for name, stored in read_header(path)[1].items():
        places: tuple[str, ...] = (name,)
        for old, parts in () if name in wanted else renames.items():
            if old in places[0]:
                places = tuple(place.replace(old, new) for place in places for new in parts)
        if not all(place in wanted for place in places):
            continue
        one = wanted[places[0]]
        _check_dtype(path, name, stored["dtype"], _FLOATS if one.is_floating_point() else ("I64",))
        shape = (*(len(places) * rows for rows in one.shape[:1]), *one.shape[1:])
        if (actual := tuple(stored["shape"])) != shape:
            raise WeightsNotFoundError(
                f"{path}: {name} has the shape {shorten(actual)}, its config says {shape}",
                hint=_OTHER_MODEL,
            )
        names.append((name, places))
    return names


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
            f"{path}: can't be read as safetensors: {shorten(error)}", hint="get it again"
        ) from error


def _portion(tensors: Any, names: list[tuple[str, tuple[str, ...]]]) -> dict[str, torch.Tensor]:
    """The first of these weights, up to the bound; they are taken off the list."""
    portion: dict[str, torch.Tensor] = {}
    count = 0
    while names and count < _PORTION:
        name, places = names.pop(0)
        tensor = tensors.get_tensor(name)
        count += tensor.nbytes
        # A single number can't be cut, not even into one part.
        parts = (tensor,) if len(places) == 1 else tensor.chunk(len(places))
        portion |= zip(places, parts, strict=True)
    return portion
