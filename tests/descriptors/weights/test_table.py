from pathlib import Path

import pytest
from descr.descriptors import REGISTRY, available
from descr.descriptors.errors import OptionError
from descr.descriptors.signatures import describe
from descr.descriptors.weights import MODELS, Model, find_model, find_models
from descr.descriptors.weights.folders import weight_names
from rich.filesize import decimal
from support.hub import clip_files, clipseg_files, dinov2_files, files_of, pipeline_files
from support.models import dinov3


def test_names_and_repositories_belong_to_one_model() -> None:
    assert all(name == model.name for name, model in MODELS.items())
    repositories = [one for model in MODELS.values() for one in model.repositories]
    assert len(repositories) == len(set(repositories))
    assert all(one.count("/") == 1 for one in repositories)


@pytest.mark.parametrize(
    "model", [one for one in MODELS.values() if one.repositories], ids=lambda model: model.name
)
def test_every_model_can_be_had_from_what_its_kind_of_repository_holds(model: Model) -> None:
    held = {
        "dinov2": dinov2_files(),
        "dinov3": files_of(dinov3()),
        "clipseg": clipseg_files(),
        "clip": clip_files(),
    }.get(model.family, pipeline_files(xl=model.name == "sdxl"))
    assert {*model.files} <= {*held}
    for stem in model.weights:
        assert {*weight_names(stem, model.precision)[: 3 if model.half else 1]} & {*held}


def test_weights_are_safetensors_with_the_half_precision_first() -> None:
    names = weight_names("unet/model")
    assert all(".safetensors" in name for name in names)
    assert [".fp16." in name for name in names] == [True, True, True, False, False]
    assert sorted(weight_names("unet/model", "float32")) == sorted(names)
    assert weight_names("unet/model", "float32")[0] == "unet/model.safetensors"


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_model_says_what_it_costs_and_whose_it_is(model: Model) -> None:
    assert model.size > 80e6 or not model.repositories
    assert model.full_size == model.size * (2 if model.family == "stable_diffusion" else 1)
    assert model.licence
    assert "arXiv:" in model.citation


def test_a_descriptors_name_stands_for_the_models_that_it_takes() -> None:
    assert [model.name for model in find_models("fused")] == ["sd-1.5", "dinov2-base"]
    assert find_models("sdxl") == (MODELS["sdxl"],)
    # A name of both stands for one model.
    by_descriptor = MODELS.by_descriptor()
    both = set(by_descriptor) & set(MODELS)
    assert all(by_descriptor[name] == (MODELS[name],) for name in both)


@pytest.mark.parametrize("name", available())
def test_the_models_of_a_descriptor_are_the_defaults_of_its_signature(name: str) -> None:
    listed = {option.name: option.default for option in describe(REGISTRY, name).options}
    models = {value for key, value in listed.items() if key.rpartition(".")[2] == "model"}
    taken = MODELS.by_descriptor().get(name, ())
    # There is no choice of weights that a package brings.
    assert models == {model.name for model in taken if not model.package}


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(OptionError, match=r"did you mean 'sd-1\.5'"):
        find_model("sd-1.4")
    with pytest.raises(OptionError, match="fused"):
        find_models("fusion")


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_the_site_has_the_same_table(model: Model) -> None:
    page = Path(__file__).parents[3] / "docs" / "weights.md"
    rows = page.read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in rows if line.startswith(f"| `{model.name}` |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1].startswith(model.title)
    if model.repositories:
        half = f" ({decimal(model.full_size)} in float32)" if model.half else ""
        assert cells[2] == decimal(model.size) + half
        assert cells[4] == ", ".join(f"`{one}`" for one in model.repositories)
