import inspect
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from descr.applications.evaluation.metrics import AVERAGES
from descr.applications.evaluation.protocols.protocol import LENGTHS, PROTOCOLS
from descr.applications.evaluation.protocols.recipes import RECIPES, find_recipe
from descr.descriptors import REGISTRY as DESCRIPTORS
from descr.descriptors.errors import OptionError
from descr.descriptors.models.literature import PARTS
from descr.matchers import SoftArgmax, create
from support.models import CAPTIONER, DINOV2, STABLE_DIFFUSION


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_a_recipe_names_what_exists(recipe):
    assert RECIPES[recipe.name] is recipe
    valid = inspect.signature(DESCRIPTORS.find(recipe.descriptor)).parameters
    assert set(recipe.options_for("cat")) <= set(valid)
    for part, options in recipe.options_for("cat").items():
        if part not in PARTS:
            continue
        assert set(options) <= set(PARTS[part].option_names())
    create(recipe.matcher, **recipe.matcher_options)
    for dataset, protocol in recipe.protocols.items():
        assert protocol.dataset == dataset


def test_the_row_of_the_paper_from_one_word():
    tale = find_recipe("tale")
    assert tale.descriptor == "fused"
    # The full files, in full precision, with pictures resized for CLIP as its libraries did.
    assert tale.options_for("cat") == {
        "dtype": "float32",
        "sd": {"variant": "float32", "captioner_antialias": False, "captioner": None},
    }
    assert (tale.matcher, tale.points) == ("nearest", "original")
    headline = tale.protocol("spair-71k")
    assert (headline.threshold, headline.average, headline.comparison) == ("bbox", "per-point", "<")
    assert (64.0,) in [row.percent for row in tale.published("spair-71k")]
    pascal = tale.protocol("pf-pascal")
    assert (pascal.threshold, pascal.average) == ("image", "pair-weighted")
    # The points as the lists have them.
    assert tale.dataset_options["pf-pascal"] == {"first_pixel": 0}
    assert tale.protocol("tss") is PROTOCOLS["tss"]


def test_a_part_is_told_the_category_without_an_article():
    text = find_recipe("tale-text")
    assert text.options_for("aeroplane")["sd"]["prompt"] == "a photo of aeroplane"
    kept = replace(text, options={"sd": {"timestep": 50, "prompt": ""}, "dinov2": {"size": 56}})
    assert kept.options_for("cat") == {
        "sd": {"timestep": 50, "prompt": "a photo of cat", "captioner": None},
        "dinov2": {"size": 56},
    }
    assert text.protocols == find_recipe("tale").protocols


def test_dift_is_told_the_category_and_counts_the_edge():
    dift = find_recipe("dift")
    assert dift.points == "dift"
    assert dift.options_for("cat") == {
        "category": "cat",
        "variant": "float32",
        "dtype": "float32",
    }
    assert dift.protocol("spair-71k").comparison == "<="


def test_the_captioner_is_taken_where_it_is_and_not_where_the_user_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("DESCR_HOME", str(tmp_path))
    recipes = [recipe for recipe in RECIPES.values() if recipe.captioner_option]
    assert [recipe.name for recipe in recipes] == ["tale", "tale-text", "tale-sd", "geoaware"]
    assert not any(recipe.captioner for recipe in recipes)
    shutil.copytree(CAPTIONER, tmp_path / "captioners" / "odise")
    assert {recipe.captioner for recipe in recipes} == {"odise"}
    assert find_recipe("dift").captioner is None
    parts = {
        "sd": {"model": str(STABLE_DIFFUSION), "size": 64},
        "dinov2": {"model": str(DINOV2), "size": 56},
    }
    with_it = find_recipe("tale").describe(parts).parts[0]
    assert with_it.settings["captioner"] == "odise"
    without = find_recipe("tale").describe({**parts, "sd": {**parts["sd"], "captioner": None}})
    assert without.parts[0].settings["captioner"] is None


def test_geoaware_is_the_zero_shot_setting():
    recipe = find_recipe("geoaware")
    matcher = create(recipe.matcher, **recipe.matcher_options)
    assert isinstance(matcher, SoftArgmax)
    assert (matcher.window, matcher.temperature) == (5, 0.02)
    sd = recipe.options_for("cat")["sd"]
    assert (sd["timestep"], sd["components"], sd["resampling"]) == (50, None, "direct")
    assert sd["free_u"] == (1.2, 1.4, 0.9, 0.2)
    assert (recipe.pose_alignment, recipe.points) == (True, "geoaware")


def test_a_recipe_has_the_rows_of_its_own_method():
    rows = {
        name: [row.percent for row in RECIPES[name].published("spair-71k")]
        for name in ("tale", "geoaware")
    }
    assert rows == {"tale": [(64.0,), (7.9, 44.7, 59.9)], "geoaware": [(65.4,)]}
    assert RECIPES["geoaware"].published("tss") == ()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_the_rows_of_a_tale_of_two_features_pad_the_pairs_of_tss(recipe, written):
    options = recipe.dataset_options.get("tss", {})
    assert written("tss", **options).pad == recipe.name.startswith("tale")


def test_the_descriptor_of_a_recipe_takes_other_options_part_by_part():
    recipe = find_recipe("geoaware")
    kept = {"sd": {"size": 64, "model": str(STABLE_DIFFUSION)}}
    output = recipe.describe(
        {**kept, "dinov2": {"size": 56, "model": str(DINOV2)}, "device": "cpu"}
    )
    sd, dinov2 = output.parts
    assert (sd.timestep, sd.size, dinov2.size) == (50, 64, 56)
    per_category = find_recipe("dift").describe({"model": str(STABLE_DIFFUSION), "size": 64})
    assert per_category("cat").prompt == "a photo of a cat"


def test_an_unknown_recipe_or_data_set_is_told_with_those_that_exist():
    with pytest.raises(OptionError, match="'tail'") as error:
        find_recipe("tail")
    assert "did you mean 'tale'?" in error.value.hint
    with pytest.raises(OptionError, match="data set"):
        find_recipe("tale").protocol("imagenet")


def test_the_page_lists_every_recipe_threshold_and_average():
    page = (Path(__file__).parents[4] / "docs" / "protocols.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert {*RECIPES, *LENGTHS, *AVERAGES} <= rows
    for recipe in RECIPES.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{recipe.name}` |"))
        assert f"| `{recipe.points}` |" in row
        assert f"`{recipe.descriptor}`" in row
        assert f"`{recipe.matcher}`" in row
        assert row.endswith("| yes |" if recipe.pose_alignment else "| no |")
