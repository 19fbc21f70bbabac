"""The tiny models of tests/data, and tiny ones of other kinds, made here with random weights."""

import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

DATA = Path(__file__).parents[1] / "data"
STABLE_DIFFUSION = DATA / "tiny-stable-diffusion"
DINOV2 = DATA / "tiny-dinov2"
DINOV2_REGISTERS = DATA / "tiny-dinov2-registers"
CAPTIONER = DATA / "tiny-captioner"
COMMIT = "0123456789" * 4
"""The commit of every model in the cache of `make_cache`."""
IMAGES = [DATA / "images" / "a.png", DATA / "images" / "b.png"]


def copy(source: Path, folder: Path) -> Path:
    """A copy of a model that a test may change."""
    return Path(shutil.copytree(source, folder / source.name))


def edit(path: Path, **changes: Any) -> None:
    """Change values of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def randomize(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Weights that make every part of the network matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            scale = 0.3 if weight.ndim < 2 else weight[0].numel() ** -0.5
            weight.copy_(torch.randn(weight.shape, generator=generator) * scale)
            if weight.ndim < 2:
                weight += 0.5
    return module.eval()


def make_xl(folder: Path) -> Path:
    """A pipeline of SDXL's shape: two text encoders, added conditioning, three levels."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    pipeline = folder / "tiny-xl"
    shutil.copytree(STABLE_DIFFUSION, pipeline)
    text = {
        "vocab_size": 400,
        "intermediate_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "bos_token_id": 398,
        "eos_token_id": 399,
        "pad_token_id": 399,
    }
    for suffix, width, kind in (
        ("", 16, CLIPTextModel),
        ("_2", 24, CLIPTextModelWithProjection),
    ):
        encoder = kind(CLIPTextConfig(hidden_size=width, projection_dim=20, **text))
        shutil.rmtree(pipeline / f"text_encoder{suffix}", ignore_errors=True)
        randomize(encoder, seed=width).save_pretrained(pipeline / f"text_encoder{suffix}")
    shutil.copytree(pipeline / "tokenizer", pipeline / "tokenizer_2")
    shutil.rmtree(pipeline / "unet")
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 3),
        attention_head_dim=(1, 2, 4),
        use_linear_projection=True,
        cross_attention_dim=40,
        norm_num_groups=4,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=20 + 6 * 8,
        sample_size=16,
    )
    randomize(unet).save_pretrained(pipeline / "unet")
    modules = {
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
    }
    edit(pipeline / "model_index.json", _class_name="StableDiffusionXLPipeline", **modules)
    return pipeline


def make_clipseg(folder: Path) -> Path:
    """A CLIPSeg of the published one's shape, with the vocabulary of the tiny pipeline."""
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    config = CLIPSegConfig(
        text_config={
            "vocab_size": 400,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "bos_token_id": 398,
            "eos_token_id": 399,
            "pad_token_id": 399,
        },
        vision_config={
            "hidden_size": 24,
            "intermediate_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
        },
        projection_dim=12,
        extract_layers=[0, 1],
        reduce_dim=16,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
        use_complex_transposed_convolution=True,
    )
    clipseg = folder / "tiny-clipseg"
    shutil.copytree(STABLE_DIFFUSION / "tokenizer", clipseg)
    randomize(CLIPSegForImageSegmentation(config)).save_pretrained(clipseg)
    return clipseg


def make_giant(folder: Path) -> Path:
    """A DINOv2 of the giant's kind, whose MLP is gated, with weights as the hub names them."""
    from safetensors.torch import save_file
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=3,
        mlp_ratio=2,
        image_size=70,
        use_swiglu_ffn=True,
    )
    model = randomize(Dinov2Model(config))
    named = model.state_dict()
    for block in range(3):
        mlp = f"encoder.layer.{block}.mlp"
        for kind in ("weight", "bias"):
            gate, up = (named.pop(f"{mlp}.{part}.{kind}") for part in ("gate_proj", "up_proj"))
            named[f"{mlp}.weights_in.{kind}"] = torch.cat([gate, up])
            named[f"{mlp}.weights_out.{kind}"] = named.pop(f"{mlp}.down_proj.{kind}")
    giant = folder / "tiny-giant"
    giant.mkdir()
    config.save_pretrained(giant)
    save_file(named, giant / "model.safetensors")
    torch.save(model.state_dict(), folder / "expected.pt")
    return giant


def make_dinov3(folder: Path) -> Path:
    """A DINOv3 of the published ones' architecture, as transformers writes it."""
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    config = DINOv3ViTConfig(
        hidden_size=24,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=3,
        num_register_tokens=4,
        image_size=64,
    )
    model = folder / "tiny-dinov3"
    randomize(DINOv3ViTModel(config)).save_pretrained(model)
    return model


def make_timm(folder: Path, blocks: int) -> tuple[Path, Path]:
    """Random weights of the small model's first blocks, in timm's form and in transformers'.

    Names and shapes are those of `vit_small_patch16_dinov3` in timm 1.0.31.
    """
    from safetensors.torch import save_file
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    config = DINOv3ViTConfig(
        num_hidden_layers=blocks, num_register_tokens=4, query_bias=False, value_bias=False
    )
    model = randomize(DINOv3ViTModel(config))
    model.save_pretrained(folder / "transformers")
    ours = model.state_dict()
    theirs = {
        "cls_token": ours["embeddings.cls_token"],
        "reg_token": ours["embeddings.register_tokens"],
        "patch_embed.proj.weight": ours["embeddings.patch_embeddings.weight"],
        "patch_embed.proj.bias": ours["embeddings.patch_embeddings.bias"],
        "norm.weight": ours["norm.weight"],
        "norm.bias": ours["norm.bias"],
    }
    for index in range(blocks):
        block = f"model.layer.{index}"
        projections = [ours[f"{block}.attention.{letter}_proj.weight"] for letter in "qkv"]
        theirs[f"blocks.{index}.attn.qkv.weight"] = torch.cat(projections)
        theirs[f"blocks.{index}.gamma_1"] = ours[f"{block}.layer_scale1.lambda1"]
        theirs[f"blocks.{index}.gamma_2"] = ours[f"{block}.layer_scale2.lambda1"]
        for kind in ("weight", "bias"):
            for name, place in {
                "norm1": "norm1",
                "attn.proj": "attention.o_proj",
                "norm2": "norm2",
                "mlp.fc1": "mlp.up_proj",
                "mlp.fc2": "mlp.down_proj",
            }.items():
                theirs[f"blocks.{index}.{name}.{kind}"] = ours[f"{block}.{place}.{kind}"]
    timm = folder / "timm"
    timm.mkdir()
    save_file({name: tensor.clone() for name, tensor in theirs.items()}, timm / "model.safetensors")
    (timm / "config.json").write_text(
        json.dumps({"architecture": "vit_small_patch16_dinov3", "num_features": 384})
    )
    return timm, folder / "transformers"


@cache
def _shared_folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory()


@cache
def dinov3() -> Path:
    """The folder of `make_dinov3`, made once for all tests that leave it as it is."""
    return make_dinov3(Path(_shared_folder().name))


def make_cache(folder: Path) -> Path:
    """A cache in which tiny models go by the names of published ones."""
    for repository, model in (
        ("facebook--dinov2-base", DINOV2),
        ("stable-diffusion-v1-5--stable-diffusion-v1-5", STABLE_DIFFUSION),
        ("sd2-community--stable-diffusion-2-1", STABLE_DIFFUSION),
    ):
        snapshot = folder / f"models--{repository}" / "snapshots" / COMMIT
        shutil.copytree(model, snapshot)
        if (snapshot / "tokenizer").is_dir():
            # The published ones hold the vocabulary in the older form.
            words = json.loads((snapshot / "tokenizer" / "tokenizer.json").read_text())["model"]
            merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in words["merges"]]
            for name, text in (
                ("vocab.json", json.dumps(words["vocab"])),
                ("merges.txt", "\n".join(["#version: 0.2", *merges])),
                ("special_tokens_map.json", "{}"),
            ):
                (snapshot / "tokenizer" / name).write_text(text)
    return folder
