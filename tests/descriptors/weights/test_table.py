import pytest
from descr.descriptors.errors import OptionError
from descr.descriptors.weights import MODELS, RECIPES, find_model, find_models
from support.hub import dinov2_files, pipeline_files


def test_names_and_repositories_belong_to_one_model() -> None:
    assert all(name == model.name for name, model in MODELS.items())
    repositories = [one for model in MODELS.values() for one in model.repositories]
    assert len(repositories) == len(set(repositories))
    assert all(one.count("/") == 1 for one in repositories)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_model_can_be_had_from_what_its_kind_of_repository_holds(model: object) -> None:
    files: tuple[tuple[str, ...], ...] = model.files  # type: ignore[attr-defined]
    family: str = model.family  # type: ignore[attr-defined]
    xl: bool = model.name == "sdxl"  # type: ignore[attr-defined]
    held = dinov2_files() if family == "dinov2" else pipeline_files(xl=xl)
    for names in files:
        assert set(names) & set(held)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_weights_are_safetensors_with_the_half_precision_first(model: object) -> None:
    names = [name for names in model.files for name in names]  # type: ignore[attr-defined]
    assert all(name.endswith((".safetensors", ".json", ".txt")) for name in names)
    for alternatives in model.files:  # type: ignore[attr-defined]
        assert [".fp16." in name for name in alternatives] in ([False], [True, False])


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_every_model_says_what_it_costs_and_whose_it_is(model: object) -> None:
    assert model.size > 80e6  # type: ignore[attr-defined]
    assert model.licence  # type: ignore[attr-defined]
    assert "arXiv:" in model.citation  # type: ignore[attr-defined]


def test_a_descriptors_name_stands_for_the_models_that_it_takes() -> None:
    assert [model.name for model in find_models("fused")] == ["sd-1.5", "dinov2-base"]
    assert find_models("sdxl") == (MODELS["sdxl"],)
    assert all(name in MODELS for names in RECIPES.values() for name in names)
    assert not set(RECIPES) & set(MODELS)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(OptionError, match=r"did you mean 'sd-1\.5'"):
        find_model("sd-1.4")
    with pytest.raises(OptionError, match="fused"):
        find_models("fusion")
