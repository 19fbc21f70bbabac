"""Model folders: what each family must hold, and what to say of one that doesn't hold it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import WeightsNotFoundError
from .model import Model
from .reading import read_file, read_header, read_json, shorten

STABLE_DIFFUSION = "stable_diffusion"
DINOV2 = "dinov2"
DINOV3 = "dinov3"
CLIPSEG = "clipseg"
CLIP = "clip"
CAPTIONER = "captioner"
PRECISIONS = ("float16", "float32")
"""The variants in which the weights of a model may be published."""

_PICKLES = (".bin", ".ckpt", ".pt", ".pth")
VOCABULARY = (
    *("tokenizer_config.json", "special_tokens_map.json", "tokenizer.json"),
    *("vocab.json", "merges.txt", "added_tokens.json"),
)
"""The files that make a tokenizer, as one or as several of the older form."""


@dataclass(frozen=True)
class Family:
    """One kind of model folder.

    `kind` is the class of diffusers or transformers that reads the folder, pickles too; `types` are
    what `model_type` of its config may be, or the `architecture` of one of timm, any if there are
    none. `configs` are what a fingerprint sees besides the weights, where they are there.
    """

    title: str
    kind: str
    types: tuple[str, ...]
    configs: tuple[str, ...] = ("config.json",)


_PIPELINE = (
    *("unet/config.json", "vae/config.json", "scheduler/scheduler_config.json"),
    *("text_encoder/config.json", *(f"tokenizer/{name}" for name in VOCABULARY)),
    *("text_encoder_2/config.json", *(f"tokenizer_2/{name}" for name in VOCABULARY)),
)
_TIMM = tuple(f"vit_{size}_patch16_dinov3" for size in ("small", "base", "large"))
_CLIPSEG = ("config.json", *VOCABULARY)
FAMILIES: Mapping[str, Family] = {
    STABLE_DIFFUSION: Family("Stable Diffusion", "DiffusionPipeline", (), _PIPELINE),
    DINOV2: Family("DINOv2", "AutoModel", ("dinov2", "dinov2_with_registers")),
    DINOV3: Family("DINOv3", "AutoModel", ("dinov3_vit", *_TIMM)),
    CLIPSEG: Family("CLIPSeg", "CLIPSegForImageSegmentation", ("clipseg",), _CLIPSEG),
    CLIP: Family("CLIP", "CLIPVisionModelWithProjection", ("clip", "clip_vision_model")),
    CAPTIONER: Family("captioner", "", (), ("image_encoder/config.json",)),
}
"""The families whose folders are those of a library, or our own."""

Weights = Mapping[str, tuple[Path, ...]]


def family_of(model: Model) -> Family:
    """What a folder of this model's family holds."""
    return FAMILIES.get(model.family) or Family(model.family, "", (), model.files)


def read_folder(folder: Path, model: Model, precision: str | None = None) -> Weights:
    """The safetensors files of each part of a model of this family in a folder, all checked.

    Where a part is there in half and in full precision, the half is taken unless `precision` is
    "float32", as a pull takes it: a folder gives the same features wherever it lies.

    Raises `WeightsNotFoundError`, naming the file, if something that the model needs is missing or
    damaged, if its weights are there as pickles only, or if it is a folder of another kind.
    """
    family = family_of(model)
    if model.family == STABLE_DIFFUSION:
        stems = _pipeline_stems(folder, family)
    else:
        stems = dict([stem.rpartition("/")[::2] for stem in model.weights])
        _check_configs(folder, model, family)
    return {part: _weights(folder / part, stem, family, precision) for part, stem in stems.items()}


def weight_names(stem: str, precision: str | None = None) -> tuple[str, ...]:
    """The names that the weights of a part may have, or the index of its shards.

    Half precision comes first, unless the precision is "float32".
    """
    # diffusers and transformers place the variant before and after `index` by version.
    half = ["fp16.safetensors", "safetensors.index.fp16.json", "fp16.safetensors.index.json"]
    full = ["safetensors", "safetensors.index.json"]
    names = full + half if precision == "float32" else half + full
    return tuple(f"{stem}.{name}" for name in names)


def _check_configs(folder: Path, model: Model, family: Family) -> None:
    if not family.types:
        for name in model.files:
            read_file(folder / name)
        return
    if os.path.exists(folder / "model_index.json") or os.path.isdir(folder / "unet"):
        raise _other_kind(folder, family)
    config = read_json(folder / "config.json")
    kind = str(config.get("model_type", config.get("architecture")))
    if kind not in family.types:
        fault = f"{folder}: holds a {shorten(repr(kind))} model, not {family.title}"
        hint = f"give the folder of a model of type {' or '.join(family.types)}"
        raise WeightsNotFoundError(fault, hint=hint)
    if "tokenizer_config.json" in family.configs:
        _check_tokenizer(folder)


def _pipeline_stems(folder: Path, family: Family) -> dict[str, str]:
    """The parts of a diffusers pipeline, with the name of the weights of each."""
    if not os.path.isdir(folder / "unet"):
        config = folder / "config.json"
        if "model_type" in (read_json(config) if os.path.exists(config) else {}):
            raise _other_kind(folder, family)
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
    return stems


def _check_tokenizer(folder: Path) -> None:
    """Check that the vocabulary is there, as one file or as the pair of the older form."""
    read_json(folder / "tokenizer_config.json")
    whole = os.path.exists(folder / "tokenizer.json")
    for name in ("tokenizer.json",) if whole else ("vocab.json", "merges.txt"):
        read_file(folder / name)


def _weights(folder: Path, stem: str, family: Family, precision: str | None) -> tuple[Path, ...]:
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
    """The places of the safetensors files that an index names, there or not."""
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise WeightsNotFoundError(f"{index}: names no shards (weight_map)")
    names = sorted({str(name) for name in places.values()})
    for name in names:
        if Path(name).name != name or not (name.endswith(".safetensors") and name.isprintable()):
            fault = "names a shard that is not a safetensors file beside it"
            raise WeightsNotFoundError(f"{index}: {fault}: {shorten(repr(name))}")
    return [index.parent / name for name in names]


def _pickles(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in _PICKLES)


def _other_kind(folder: Path, wanted: Family) -> WeightsNotFoundError:
    kinds = "transformers model", "diffusers pipeline"
    other, needed = kinds[:: 1 if wanted.configs is _PIPELINE else -1]
    fault = f"{folder}: holds a {other}, not {wanted.title}"
    return WeightsNotFoundError(fault, hint=f"give the folder of a {needed}")


def conversion(family: Family, old: str, new: str) -> str:
    """The line of Python that makes safetensors of a folder or repository of pickles."""
    if not family.kind:
        return f"safetensors.torch.save_file(torch.load(FILE, weights_only=True), {new})"
    return f"{family.kind}.from_pretrained({old}).save_pretrained({new})"
