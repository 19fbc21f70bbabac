"""The rows of the papers: which they are, what is put beside what, and what is done again."""

import re
from pathlib import Path

import numpy as np
import pytest
from descr.applications.evaluation import (
    RECIPES,
    Settings,
    build_report,
    predict,
    reproduce,
    score_flow,
    score_points,
)
from descr.applications.evaluation.protocols.costs import COSTS, SPEED
from descr.applications.evaluation.protocols.protocol import find_published
from descr.applications.evaluation.run.reproduction import find_rows, reproduction_markdown
from descr.descriptors.errors import OptionError
from descr.descriptors.weights import MODELS
from descr.matchers import create
from support.models import DINOV2, STABLE_DIFFUSION, make_cache

_SD = {"size": 64, "model": str(STABLE_DIFFUSION)}
_DINOV2 = {"size": 56, "model": str(DINOV2)}
TINY = {"sd": _SD, "dift": _SD, "dinov2": _DINOV2, "fused": {"sd": _SD, "dinov2": _DINOV2}}


def tiny(recipe):
    return TINY[recipe.descriptor]


def names(rows):
    return [row.name for row in rows]


def test_the_rows_of_a_data_set_are_those_with_a_number_or_a_protocol():
    spair = names(find_rows("spair-71k"))
    assert {"tale-dinov2", "tale-sd", "tale", "dift", "geoaware"} <= set(spair)
    # The cheapest first.
    order = ["tale-dinov2", "tale-sd", "tale", "dift", "geoaware"]
    assert [name for name in spair if name in order] == order
    for dataset in ("pf-pascal", "tss"):
        assert {name.partition("-")[0] for name in names(find_rows(dataset))} == {"tale"}
    assert names(find_rows("ap-10k")) == ["geoaware"]
    assert names(find_rows("davis-2017")) == ["dift-davis"]
    assert names(find_rows("spair-71k", ["geoaware", "tale"])) == ["tale", "geoaware"]
    assert {recipe.descriptor for recipe in RECIPES.values()} <= set(COSTS)


def test_the_page_has_a_command_for_every_row_and_the_numbers():
    root = Path(__file__).parents[4]
    page = (root / "docs" / "reproduction.md").read_text(encoding="utf-8")
    for test in re.findall(r"`(tests/[^`]+\.py)`", page):
        assert (root / test).is_file(), test
    for recipe in find_rows("spair-71k"):
        assert f"`descr reproduce spair-71k SPair-71k --only {recipe.name}`" in page
    rows = [row for name in ("spair-71k", "pf-pascal") for row in find_published(name)]
    for row in rows:
        assert " / ".join(f"{value:.1f}" for value in row.percent) in page


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("spair-71k", ["tail"]), "unknown recipe", "tale"),
        (("tss", ["dift"]), "dift is no row of a paper on 'tss'", "tale-dinov2"),
        (("pf-willow",), "no row of a paper on 'pf-willow'", "descr evaluate"),
    ],
)
def test_what_is_no_row_is_told(arguments, message, hint):
    with pytest.raises(OptionError, match=message) as error:
        find_rows(*arguments)
    assert hint in error.value.hint


@pytest.mark.parametrize("name", ["tale-dinov2", "geoaware", "dift"])
def test_a_row_is_what_its_recipe_evaluates_to(name, written, tmp_path):
    """The answers, the settings and the numbers are those of `predict` and `build_report`."""
    dataset, recipe = written("spair-71k"), RECIPES[name]
    done = reproduce(
        "spair-71k", dataset.root, folder=tmp_path / "a", only=[name], sample=6, options=tiny
    )
    (row,) = done["rows"]
    settings = Settings(
        points=recipe.points, align_pose=recipe.pose_alignment, lossless=True, sample=6
    )
    predictions = predict(
        dataset,
        recipe.describe(tiny(recipe)),
        create(recipe.matcher, **recipe.matcher_options),
        folder=tmp_path / "b",
        settings=settings,
    )
    report = build_report(predictions, dataset, recipe=recipe)
    for part in ("numbers", "settings", "matcher", "descriptor", "layers", "protocol", "note"):
        assert row["report"][part] == report[part]
    published = recipe.published("spair-71k")
    assert [one["published"] for one in row["numbers"]] == [
        share / 100 for one in published for share in one.percent
    ]
    alphas = [alpha for one in published for alpha in one.protocol.alphas]
    pck = score_points(predictions, sorted(set(alphas)))["pck"]
    for one, alpha in zip(row["numbers"], alphas, strict=True):
        comparison = recipe.protocol("spair-71k").comparison
        expected = pck.sel(
            threshold="bbox", average=one["average"], comparison=comparison, alpha=alpha
        )
        assert one["value"] == pytest.approx(float(expected), abs=1e-12)
        assert one["low"] <= one["value"] <= one["high"]
        assert one["difference"] == one["value"] - one["published"]
        assert one["within"] == (one["low"] <= one["published"] <= one["high"])
        assert f"bbox | {one['average']} | {comparison}" in one["protocol"]


def test_subsets_of_tss_stand_beside_their_own_numbers(written, tmp_path):
    dataset = written("tss", pad=True)
    done = reproduce(
        "tss", dataset.root, folder=tmp_path, only=["tale-dinov2"], options=tiny, threads=1
    )
    (row,) = done["rows"]
    assert row["report"]["dataset"]["settings"]["pad"] is True
    predictions = predict(dataset, RECIPES["tale-dinov2"].describe(_DINOV2), folder=tmp_path)
    scores = score_flow(predictions, dataset, (0.05,)).sel(comparison="<=", alpha=0.05)["pck"]
    expected = {
        name: float(scores[scores["category"] == name].mean())
        for name in ("FG3DCar", "JODS", "PASCAL")
    }
    expected[""] = float(scores.mean())
    assert {one["subset"]: one["value"] for one in row["numbers"]} == pytest.approx(expected)
    assert {one["subset"]: one["published"] for one in row["numbers"]} == pytest.approx(
        {"FG3DCar": 0.828, "JODS": 0.739, "PASCAL": 0.539, "": 0.72}
    )
    assert "| tale-dinov2 | JODS flow PCK@0.05 |" in reproduction_markdown(done)


def test_a_row_without_a_published_number_has_those_of_its_protocol(written, tmp_path):
    root = written("davis-2017").root
    done = reproduce("davis-2017", root, folder=tmp_path, options=tiny)
    numbers = done["rows"][0]["numbers"]
    assert [one["label"] for one in numbers] == ["J&F", "J", "F"]
    assert all(one["published"] is one["within"] is one["difference"] is None for one in numbers)
    assert [one["value"] for one in numbers] == [
        one["value"] for one in done["rows"][0]["report"]["numbers"]
    ]
    page = reproduction_markdown(done)
    assert "255 is background" in str(done["rows"][0]["report"]["protocol"])
    assert "## dift" in page
    assert page.count("| - | - | - |") == 3


def test_rows_go_on_where_they_were_and_those_without_weights_do_not_stop_the_others(
    written, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    root, folder = written("spair-71k").root, tmp_path / "run"
    words = []

    def few(recipe):
        return {} if recipe.name in ("tale-sd", "dift") else tiny(recipe)

    wanted = ("tale-sd", "dift", "tale-dinov2", "tale")
    arguments = {"folder": folder, "only": wanted, "sample": 4, "say": words.append}
    first = reproduce("spair-71k", root, options=few, **arguments)
    rows = {row["recipe"]: row for row in first["rows"]}
    assert "'sd-1.5' are not on this machine" in rows["tale-sd"]["error"]
    assert "descr models pull sd-2.1" in rows["dift"]["hint"]
    for name in ("tale", "tale-dinov2"):
        assert rows[name]["report"]["counts"]["kept"] == 0
        assert len(rows[name]["numbers"]) == 4
    assert [text.partition(":")[0] for text in words] == [
        "row tale-dinov2", "row tale-sd", "captioner", "row tale", "captioner", "row dift",
    ]  # fmt: skip
    journals = {path: path.stat().st_size for path in folder.glob("*.journal")}
    assert len(journals) == 2
    again = reproduce("spair-71k", root, options=tiny, **arguments)
    for row in again["rows"]:
        if row["recipe"] in ("tale", "tale-dinov2"):
            counts = row["report"]["counts"]
            assert counts["extracted"] == counts["redone"] == 0
            assert row["numbers"] == rows[row["recipe"]]["numbers"]
        else:
            assert "numbers" in row
    # Answers that were written down are not made again: nothing was added to their journals.
    assert {path: path.stat().st_size for path in journals} == journals
    assert len(list(folder.glob("*.journal"))) == 4


def test_a_dry_run_counts_and_touches_nothing(written, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(make_cache(tmp_path / "hub")))
    dataset = written("spair-71k")
    whole = reproduce("spair-71k", dataset.root, folder=tmp_path / "run", dry_run=True)
    assert not (tmp_path / "run").exists()
    rows = {row["recipe"]: row for row in whole["rows"]}
    images = len(dataset.images())
    for name, row in rows.items():
        flops, size, seconds = COSTS[RECIPES[name].descriptor]
        turned = len({pair.source.key for pair in dataset}) if name == "geoaware" else 0
        assert row["images"] == images + turned
        assert row["pairs"] == len(dataset)
        assert row["network_seconds"] == pytest.approx((images + turned) * flops / SPEED)
        assert row["processor_seconds"] == pytest.approx(len(dataset) * seconds)
        assert row["feature_bytes"] == pytest.approx((images + turned) * size * 1e6)
        missing = [model["name"] for model in row["models"] if not model["here"]]
        # The small cache has no captioner.
        captioned = ["clip-vit-l-14-336", "odise"] if RECIPES[name].captioner_option else []
        assert missing == captioned
    tale = rows["tale"]["models"]
    assert [one["name"] for one in tale[:2]] == ["sd-1.5", "dinov2-base"]
    assert tale[0]["size"] == MODELS["sd-1.5"].full_size
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    few = reproduce(
        "spair-71k", dataset.root, folder=Path("none"), dry_run=True, only=["tale"], sample=1
    )
    assert few["rows"][0]["pairs"] == 1
    assert few["rows"][0]["images"] == 2
    assert not any(model["here"] for model in few["rows"][0]["models"])


@pytest.mark.parametrize("name", ["dinov2", "sd", "fused", "dift"])
def test_the_sizes_of_features_are_those_of_their_layers(name):
    """Cells times channels of the published networks, in float32, of which files keep 93%."""
    sd = 1280 * 15**2 + 1280 * 30**2 + 640 * 60**2
    dinov2 = 768 * 60**2
    numbers = {"sd": sd, "dinov2": dinov2, "fused": sd + dinov2, "dift": 1280 * 48**2}[name]
    assert COSTS[name][1] == pytest.approx(0.93 * 4 * numbers / 1e6, abs=0.1)
    assert np.isfinite(COSTS[name]).all()
