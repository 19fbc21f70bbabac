"""Model folders: what each family must hold, and what to say of one that doesn't hold it."""

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import WeightsNotFoundError
from .header import read_header
from .reading import read_file, read_json, shorten

STABLE_DIFFUSION = "stable_diffusion"
DINOV2 = "dinov2"
DINOV3 = "dinov3"
CLIPSEG = "clipseg"
CLIP = "clip"
CAPTIONER = "captioner"
TITLES = {
    STABLE_DIFFUSION: "Stable Diffusion",
    DINOV2: "DINOv2",
    DINOV3: "DINOv3",
    CLIPSEG: "CLIPSeg",
    CLIP: "CLIP",
    CAPTIONER: "captioner",
}
PRECISIONS = ("float16", "float32")
"""The variants in which the weights of a model may be published."""

_PICKLES = (".bin", ".ckpt", ".pt", ".pth")
_TYPES = {
    DINOV2: ("dinov2", "dinov2_with_registers"),
    DINOV3: ("dinov3_vit", *(f"vit_{size}_patch16_dinov3" for size in ("small", "base", "large"))),
    CLIPSEG: ("clipseg",),
    CLIP: ("clip", "clip_vision_model"),
}
"""What `model_type` of a config may be, or the `architecture` of one of timm."""
_CLASSES = {
    STABLE_DIFFUSION: "DiffusionPipeline",
    DINOV2: "AutoModel",
    DINOV3: "AutoModel",
    CLIPSEG: "CLIPSegForImageSegmentation",
    CLIP: "CLIPVisionModelWithProjection",
}

Weights = Mapping[str, tuple[Path, ...]]

VOCABULARY = (
    *("tokenizer_config.json", "special_tokens_map.json", "tokenizer.json"),
    *("vocab.json", "merges.txt", "added_tokens.json"),
)
"""The files that make a tokenizer, as one or as several of the older form."""


def read_folder(folder: Path, family: str, precision: str | None = None) -> Weights:
    """The safetensors files of each part of the model in this folder, all of them checked.

    The folder is a diffusers pipeline for "stable_diffusion", a transformers model for "dinov2",
    "dinov3" (or one of timm), "clipseg" and "clip" (a whole one, or its image encoder). Where a
    part is there in half and in full precision, the half is taken unless `precision` is "float32",
    as a pull takes it: a folder gives the same features wherever it lies.

    Raises `WeightsNotFoundError`, naming the file, if something that the model needs is missing or
    damaged, if its weights are there as pickles only, or if it is a folder of another kind.
    """
    if family == STABLE_DIFFUSION:
        return _read_pipeline(folder, precision)
    return _read_transformer(folder, family, precision)


def weight_names(stem: str, precision: str | None = None) -> tuple[str, ...]:
    """The names that the weights of a part may have, or the index of its shards, by preference.

    Half precision goes first, unless `precision` is "float32".
    """
    # diffusers and transformers place the variant before and after `index` by version.
    half = ["fp16.safetensors", "safetensors.index.fp16.json", "fp16.safetensors.index.json"]
    full = ["safetensors", "safetensors.index.json"]
    names = full + half if precision == "float32" else half + full
    return tuple(f"{stem}.{name}" for name in names)


def _read_transformer(folder: Path, family: str, precision: str | None) -> Weights:
    if os.path.exists(folder / "model_index.json") or os.path.isdir(folder / "unet"):
        raise _other_kind(folder, family)
    config = read_json(folder / "config.json")
    kind = str(config.get("model_type", config.get("architecture")))
    if kind not in _TYPES[family]:
        raise WeightsNotFoundError(
            f"{folder}: holds a {shorten(repr(kind))} model, not {TITLES[family]}",
            hint=f"give the folder of a model of type {' or '.join(_TYPES[family])}",
        )
    if family == CLIPSEG:
        _check_tokenizer(folder)
    return {"": _weights(folder, "model", family, precision)}


def _read_pipeline(folder: Path, precision: str | None) -> Weights:
    if not os.path.isdir(folder / "unet"):
        config = folder / "config.json"
        kind = read_json(config) if os.path.exists(config) else {}
        if "model_type" in kind:
            raise _other_kind(folder, STABLE_DIFFUSION)
        if files := sorted(folder.glob("*.safetensors")) + _pickles(folder):
            raise WeightsNotFoundError(
                f"{files[0]}: is a checkpoint in one file; a diffusers pipeline folder is needed",
                hint="if you trust it, convert it: StableDiffusionPipeline.from_single_file(FILE)"
                ".save_pretrained(NEW, safe_serialization=True)",
            )
    unet = read_json(folder / "unet" / "config.json")
    for name in ("vae/config.json", "scheduler/scheduler_config.json"):
        read_json(folder / name)
    # The U-Net says whether it was trained with a second text encoder, as that of SDXL was.
    stems = dict.fromkeys(("unet", "vae"), "diffusion_pytorch_model")
    for suffix in ("", "_2") if unet.get("addition_embed_type") == "text_time" else ("",):
        read_json(folder / f"text_encoder{suffix}" / "config.json")
        _check_tokenizer(folder / f"tokenizer{suffix}")
        stems[f"text_encoder{suffix}"] = "model"
    return {
        part: _weights(folder / part, stem, STABLE_DIFFUSION, precision)
        for part, stem in stems.items()
    }


def _check_tokenizer(folder: Path) -> None:
    """Check that the vocabulary is there, as one file or as the pair of the older form."""
    read_json(folder / "tokenizer_config.json")
    whole = os.path.exists(folder / "tokenizer.json")
    for name in ("tokenizer.json",) if whole else ("vocab.json", "merges.txt"):
        read_file(folder / name)


def _weights(folder: Path, stem: str, family: str, precision: str | None) -> tuple[Path, ...]:
    paths = [folder / name for name in weight_names(stem, precision)]
    path = next(filter(os.path.exists, paths), None)
    if path is None and (pickles := _pickles(folder)):
        raise WeightsNotFoundError(
            f"{pickles[0]}: is a pickle, which can run code when it is loaded; "
            "only safetensors are read",
            hint=f"if you trust it, convert the folder: {conversion(family, 'OLD', 'NEW')}",
        )
    path = path or folder / f"{stem}.safetensors"
    shards = [path] if path.suffix == ".safetensors" else read_shards(path)
    for shard in shards:
        read_header(shard)
    return tuple(shards)


def read_shards(index: Path) -> list[Path]:
    """The places of the safetensors files that an index names, there or not.

    Raises `WeightsNotFoundError` for an index that is none, or that names something else.
    """
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise WeightsNotFoundError(f"{index}: names no shards (weight_map)")
    names = sorted({str(name) for name in places.values()})
    for name in names:
        beside = Path(name).name == name and name.endswith(".safetensors") and name.isprintable()
        if not beside:
            raise WeightsNotFoundError(
                f"{index}: names a shard that is not a safetensors file beside it: "
                f"{shorten(repr(name))}"
            )
    return [index.parent / name for name in names]


def _pickles(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in _PICKLES)


def _other_kind(folder: Path, wanted: str) -> WeightsNotFoundError:
    kinds = "transformers model", "diffusers pipeline"
    found, needed = kinds if wanted == STABLE_DIFFUSION else kinds[::-1]
    return WeightsNotFoundError(
        f"{folder}: holds a {found}, not {TITLES[wanted]}", hint=f"give the folder of a {needed}"
    )


def conversion(family: str, old: str, new: str) -> str:
    """The line of Python that makes safetensors of a folder or repository of pickles."""
    return f"{_CLASSES[family]}.from_pretrained({old}).save_pretrained({new})"
