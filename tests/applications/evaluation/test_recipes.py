import inspect
from dataclasses import replace
from pathlib import Path

import pytest
from descr.applications.evaluation.metrics import AVERAGES
from descr.applications.evaluation.protocol import LENGTHS, PROTOCOLS
from descr.applications.evaluation.recipes import RECIPES, find_recipe
from descr.descriptors import REGISTRY as DESCRIPTORS
from descr.descriptors.errors import OptionError
from descr.descriptors.literature import PARTS
from descr.matchers import SoftArgmax, create


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_a_recipe_names_what_exists(recipe):
    assert RECIPES[recipe.name] is recipe
    known = inspect.signature(DESCRIPTORS.find(recipe.descriptor)).parameters
    assert set(recipe.options_for("cat")) <= set(known)
    for part, options in recipe.options_for("cat").items():
        if part not in PARTS:
            continue
        assert set(options) <= set(PARTS[part].option_names())
    create(recipe.matcher, **recipe.matcher_options)
    for dataset, protocol in recipe.protocols.items():
        assert protocol.dataset == dataset


def test_the_row_of_the_paper_from_one_word():
    tale = find_recipe("tale")
    assert (tale.descriptor, tale.options_for("cat")) == ("fused", {})
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
    text, options = find_recipe("tale-text"), {"sd": {"prompt": "a photo of aeroplane"}}
    assert text.options_for("aeroplane") == options
    kept = replace(text, options={"sd": {"timestep": 50, "prompt": ""}, "dinov2": {"size": 56}})
    assert kept.options_for("cat") == {
        "sd": {"timestep": 50, "prompt": "a photo of cat"},
        "dinov2": {"size": 56},
    }
    assert text.protocols == find_recipe("tale").protocols


def test_dift_is_told_the_category_and_counts_the_edge():
    dift = find_recipe("dift")
    assert dift.points == "dift"
    assert dift.options_for("cat") == {"category": "cat"}
    assert dift.protocol("spair-71k").comparison == "<="


def test_geoaware_is_the_zero_shot_setting():
    recipe = find_recipe("geoaware")
    matcher = create(recipe.matcher, **recipe.matcher_options)
    assert isinstance(matcher, SoftArgmax)
    assert (matcher.window, matcher.temperature) == (5, 0.02)
    assert recipe.options == {"sd": {"timestep": 50, "components": None}}
    assert (recipe.pose_alignment, recipe.points) == (True, "geoaware")


def test_an_unknown_recipe_or_data_set_is_told_with_those_that_exist():
    with pytest.raises(OptionError, match="'tail'") as error:
        find_recipe("tail")
    assert "did you mean 'tale'?" in error.value.hint
    with pytest.raises(OptionError, match="data set"):
        find_recipe("tale").protocol("imagenet")


def test_the_page_lists_every_recipe_threshold_and_average():
    page = (Path(__file__).parents[3] / "docs" / "protocols.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert {*RECIPES, *LENGTHS, *AVERAGES} <= rows
    for recipe in RECIPES.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{recipe.name}` |"))
        assert f"| `{recipe.points}` |" in row
        assert f"`{recipe.descriptor}`" in row
        assert f"`{recipe.matcher}`" in row
        assert row.endswith("| yes |" if recipe.pose_alignment else "| no |")
