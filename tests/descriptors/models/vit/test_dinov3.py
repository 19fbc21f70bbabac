import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from descr.descriptors import DINOv3
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from safetensors.torch import load_file, save_file
from support.models import DINOV2, IMAGES, copy, dinov3, edit, make_timm, randomize

CANVASES = [(64, 64), (48, 96)]


def tiny(model: Path | None = None, **options: Any) -> DINOv3:
    options = {"size": 64, "device": "cpu", "dtype": "float32", **options}
    return DINOv3(model=str(model or dinov3()), **options)


def pixels(height: int, width: int) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def cells(describe: DINOv3, canvas: tuple[int, int]) -> torch.Tensor:
    """What `forward` gives, as patch tokens (batch, token, channel)."""
    (features,) = describe.forward(pixels(*canvas)).values()
    assert features.shape[2:] == (canvas[0] // 16, canvas[1] // 16)
    return features.flatten(2).transpose(1, 2)


def library(folder: Path, canvas: tuple[int, int]) -> dict[str, torch.Tensor]:
    """The library's own forward over the same pixels, and what its modules gave on the way."""
    from transformers import DINOv3ViTModel
    from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    model = DINOv3ViTModel.from_pretrained(folder).eval()
    taken: dict[str, torch.Tensor] = {}
    first, *_, last = model.model.layer
    for name, module in {
        "block 0": first,
        "token": last,
        "query": last.attention.q_proj,
        "key": last.attention.k_proj,
        "value": last.attention.v_proj,
    }.items():
        module.register_forward_hook(
            lambda module, inputs, output, name=name: taken.update({name: output})
        )
    mean, deviation = (
        torch.tensor(values)[:, None, None]
        for values in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )
    with torch.no_grad():
        taken["normed"] = model((pixels(*canvas) - mean) / deviation).last_hidden_state
    return {name: tokens[:, 5:] for name, tokens in taken.items()}


@pytest.mark.parametrize("canvas", CANVASES)
def test_features_are_those_of_the_librarys_own_forward(canvas: tuple[int, int]) -> None:
    expected = library(dinov3(), canvas)
    for name, options in {
        "normed": {},
        "token": {"norm": False},
        "block 0": {"norm": False, "layer": 0},
        "query": {"facet": "query"},
        "key": {"facet": "key"},
        "value": {"facet": "value"},
    }.items():
        assert torch.allclose(cells(tiny(**options), canvas), expected[name], atol=1e-5), name


def test_keys_and_queries_do_not_know_their_place_yet() -> None:
    # Before attention all cells of an even picture are the same, and rotation makes them differ.
    even = torch.full((1, 3, 64, 64), 0.3)
    for facet in ("query", "key"):
        (features,) = tiny(layer=0, facet=facet).forward(even).values()
        assert torch.allclose(features, features[:, :, :1, :1].expand_as(features), atol=1e-6)


@pytest.mark.parametrize("norm", [False, True])
def test_the_files_of_timm_give_the_features_of_those_of_transformers(
    tmp_path: Path, norm: bool
) -> None:
    timm, transformers = make_timm(tmp_path, blocks=2)
    ours, theirs = tiny(timm, layer=1, norm=norm), tiny(transformers, norm=norm)
    for canvas in CANVASES:
        assert torch.equal(cells(ours, canvas), cells(theirs, canvas))
    if norm:
        expected = library(transformers, CANVASES[0])["normed"]
        assert torch.allclose(cells(ours, CANVASES[0]), expected, atol=1e-5)


def test_files_by_the_names_of_the_module_load_as_those_that_are_published(tmp_path: Path) -> None:
    folder = copy(dinov3(), tmp_path)
    weights = load_file(folder / "model.safetensors")
    assert "layer.0.norm1.weight" in weights
    renamed = {
        f"model.{name}" if name.startswith("layer.") else name: tensor
        for name, tensor in weights.items()
    }
    save_file(renamed, folder / "model.safetensors")
    assert torch.equal(cells(tiny(folder), (64, 64)), cells(tiny(), (64, 64)))


def test_a_gated_mlp_is_read_from_its_config(tmp_path: Path) -> None:
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    config = json.loads((dinov3() / "config.json").read_text())
    model = DINOv3ViTModel(DINOv3ViTConfig(**{**config, "use_gated_mlp": True}))
    randomize(model).save_pretrained(tmp_path / "gated")
    expected = library(tmp_path / "gated", (64, 64))["normed"]
    assert torch.allclose(cells(tiny(tmp_path / "gated"), (64, 64)), expected, atol=1e-5)


def test_what_comes_after_the_block_is_not_loaded() -> None:
    describe = tiny(layer=1, norm=False)
    assert len(describe.network.model.layer) == 2
    assert describe.network.norm is None


def test_defaults_are_a_grid_of_60_cells_and_the_final_norm_of_the_token() -> None:
    describe = DINOv3(model=str(dinov3()), device="cpu")
    assert (describe.size, describe.fit, describe.facet, describe.layer) == (960, "pad", "token", 2)
    assert describe.layers[0].count(describe.canvas(600, 800).x.length) == 60
    assert describe.norm is True
    assert tiny(facet="key").norm is False


@pytest.mark.usefixtures("half_precision")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_gives_nearly_the_same_features(dtype: str) -> None:
    full, low = (
        tiny(dtype=name).extract(IMAGES[:1])[0]["dinov3/token"]["features"].values
        for name in ("float32", dtype)
    )
    cosine = (full * low).sum(0) / np.linalg.norm(full, axis=0) / np.linalg.norm(low, axis=0)
    assert cosine.min() > 0.99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "size must be a multiple of 16"),
        ({"layer": 3}, "layer must be an integer from 0 to 2"),
        ({"facet": "queries"}, "facet must be one of token, key, query, value"),
        ({"facet": "key", "norm": True}, "norm applies to the token, not to the key"),
    ],
)
def test_bad_options_are_refused_where_they_are_given(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        tiny(**options)


def test_a_folder_of_another_model_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="holds a 'dinov2' model, not DINOv3") as caught:
        tiny(DINOV2)
    assert "of type dinov3_vit or vit_small_patch16_dinov3" in str(caught.value.hint)
    folder = copy(dinov3(), tmp_path)
    (folder / "config.json").write_text(json.dumps({"architecture": "vit_base_patch16_224"}))
    with pytest.raises(WeightsNotFoundError, match="holds a 'vit_base_patch16_224' model, not"):
        tiny(folder)
    # Weights of other sizes than the architecture's.
    (folder / "config.json").write_text(json.dumps({"architecture": "vit_base_patch16_dinov3"}))
    with pytest.raises(WeightsNotFoundError, match=r"model\.safetensors: .* has the shape"):
        tiny(folder).extract(IMAGES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_attention_heads": 5}, "num_attention_heads must give each head"),
        ({"hidden_size": None}, "hidden_size must be a whole number"),
        ({"rope_theta": "100"}, "rope_theta must be a number from 1"),
        ({"num_hidden_layers": 4}, r"lacks .* of the .*layer\.3"),
    ],
)
def test_a_damaged_config_is_refused_in_a_line(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    folder = copy(dinov3(), tmp_path)
    edit(folder / "config.json", **change)
    with pytest.raises(WeightsNotFoundError, match=message):
        tiny(folder).extract(IMAGES)
