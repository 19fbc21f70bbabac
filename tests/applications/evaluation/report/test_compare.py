import copy
import json

import numpy as np
import pytest
from descr.applications.evaluation import (
    Settings,
    build_report,
    compare_reports,
    load_report,
    predict,
    report_markdown,
)
from descr.applications.evaluation.report.compare import ReportError, comparison_tables
from descr.applications.evaluation.report.tables import report_facts
from descr.matchers import SoftArgmax


@pytest.fixture(scope="module")
def reports(written, tmp_path_factory):
    """Reports of two matchers, and of one of them on some of the pairs, as files."""
    from descr.descriptors import SIFT

    folder = tmp_path_factory.mktemp("reports")
    dataset, describe = written("spair-71k"), SIFT(size=96, step=4)
    paths = {}
    for name, matcher, settings in (
        ("nearest", None, Settings()),
        ("soft", SoftArgmax(), Settings()),
        ("part", SoftArgmax(), Settings(sample=12)),
    ):
        result = predict(dataset, describe, matcher, folder=folder, settings=settings)
        paths[name] = folder / f"{name}.json"
        paths[name].write_text(json.dumps(build_report(result, dataset)))
    tss = written("tss")
    result = predict(tss, describe, folder=folder)
    paths["tss"] = folder / "tss.json"
    paths["tss"].write_text(json.dumps(build_report(result, tss)))
    return {name: load_report(path) for name, path in paths.items()}


def test_pairs_without_a_common_point_are_not_counted(reports):
    result = compare_reports(reports["nearest"], reports["soft"])
    counts = {row["category"]: row["count"] for row in result["by_category"]}
    assert counts == {row["category"]: row["pairs"] for row in reports["nearest"]["by_category"]}


@pytest.mark.parametrize("key", ["pairs", "dataset", "matcher"])
def test_a_report_without_a_part_of_it_is_named(reports, tmp_path, key):
    path = tmp_path / "part.json"
    path.write_text(json.dumps({k: v for k, v in reports["soft"].items() if k != key}))
    with pytest.raises(ReportError, match=f"part.json is no whole report: it has no {key}"):
        load_report(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report["pairs"]["name"].pop(),
        lambda report: report["pairs"]["category"].pop(),
        lambda report: report["pairs"]["right"].pop(),
        lambda report: report["pairs"]["of"][1].pop(),
        lambda report: report["numbers"].pop(),
        lambda report: report["pairs"].pop("right"),
        lambda report: report.update(pairs=[]),
        lambda report: report.update(numbers=None),
    ],
)
def test_a_report_that_was_shortened_by_hand_is_refused(reports, tmp_path, change):
    path = tmp_path / "short.json"
    report = json.loads(json.dumps(reports["soft"]))
    change(report)
    path.write_text(json.dumps(report))
    with pytest.raises(ReportError, match=r"short\.json was changed"):
        load_report(path)


@pytest.mark.parametrize(("count", "words"), [(0, "0 pairs"), (1, "1 pair"), (1200, "1,200 pairs")])
def test_one_pair_is_not_called_pairs(reports, count, words):
    report = reports["soft"]
    changed = {**report, "counts": {**report["counts"], "skipped_pairs": count}}
    assert f"; {words} without a common point" in dict(report_facts(changed))["points"]


def test_a_run_does_not_differ_from_itself(reports):
    result = compare_reports(reports["nearest"], reports["nearest"])
    for one in result["numbers"]:
        assert one["difference"] == one["low"] == one["high"] == 0
        assert one["first"] == one["second"]
    assert result["differ"] == []


def test_two_runs_are_compared_on_the_same_pairs(reports):
    result = compare_reports(reports["nearest"], reports["soft"])
    back = compare_reports(reports["soft"], reports["nearest"])
    assert result["common"] == 36
    assert [one["what"] for one in result["differ"]] == ["matcher"]
    for row, (one, other) in enumerate(zip(result["numbers"], back["numbers"], strict=True)):
        assert one["difference"] == pytest.approx(one["first"] - one["second"])
        assert one["first"] == pytest.approx(reports["nearest"]["numbers"][row]["value"])
        assert one["low"] <= one["difference"] <= one["high"]
        assert (one["low"], one["high"]) == pytest.approx((-other["high"], -other["low"]))
    # Independently: the same pairs of both are drawn, within each category.
    pairs = [reports[name]["pairs"] for name in ("nearest", "soft")]
    right = np.array([one["right"][2] for one in pairs], dtype=float)
    of, category = np.array(pairs[0]["of"][2]), np.array(pairs[0]["category"])
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(3000):
        which = np.concatenate(
            [
                random.choice(members, len(members))
                for name in ("cat", "dog", "car")
                for members in [np.flatnonzero((category == name) & (of > 0))]
            ]
        )
        drawn.append((right[0, which].sum() - right[1, which].sum()) / of[which].sum())
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert result["numbers"][2]["low"] == pytest.approx(low, abs=0.012)
    assert result["numbers"][2]["high"] == pytest.approx(high, abs=0.012)


def test_runs_on_other_samples_share_what_they_share(reports):
    result = compare_reports(reports["soft"], reports["part"])
    assert (result["common"], result["only_first"], result["only_second"]) == (12, 24, 0)
    for one in result["numbers"]:
        assert one["difference"] == 0
    tables = comparison_tables(result)
    assert [table.columns[0] for table in tables] == ["measure", "category"]
    assert {row[0] for row in tables[1].rows} == {"cat", "dog", "car"}


def test_what_cannot_be_compared_is_refused(reports, tmp_path):
    with pytest.raises(ReportError, match="different data sets"):
        compare_reports(reports["tss"], reports["soft"])
    other = json.loads(json.dumps(reports["soft"]))
    other["protocol"]["line"] += " else"
    with pytest.raises(ReportError, match="different protocols"):
        compare_reports(reports["soft"], other)
    apart = json.loads(json.dumps(reports["soft"]))
    apart["pairs"]["name"] = [f"{name}'" for name in apart["pairs"]["name"]]
    with pytest.raises(ReportError, match="no pairs in common"):
        compare_reports(reports["soft"], apart)
    changed = json.loads(json.dumps(reports["soft"]))
    changed["pairs"]["of"][0][0] += 1
    with pytest.raises(ReportError, match="count other points"):
        compare_reports(reports["soft"], changed)
    for text in ("no json", "[]", "{}"):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(ReportError, match=r"a\.json"):
            load_report(tmp_path / "a.json")
    with pytest.raises(ReportError, match="cannot read"):
        load_report(tmp_path / "gone.json")


def test_errors_in_pixels_are_compared_as_well(reports):
    result = compare_reports(reports["tss"], reports["tss"])
    assert [one["unit"] for one in result["numbers"]] == ["%", "px", "", "", "", ""]
    assert {row["category"] for row in result["by_category"]} == {"FG3DCar", "JODS", "PASCAL"}


def test_points_outside_their_image_are_told(reports):
    assert reports["nearest"]["counts"]["points_outside_their_image"] == 0
    assert "outside" not in dict(report_facts(reports["nearest"]))
    counts = {**reports["nearest"]["counts"], "points_outside_their_image": 3}
    facts = dict(report_facts({**reports["nearest"], "counts": counts}))
    assert facts["outside"].startswith("3 points of sources")


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            [("sd/a", "float16", "float16"), ("sd/b", "float16", "float16")],
            "float16 with float16 weights",
        ),
        (
            [
                ("sd/a", "float16", "float32"),
                ("dinov2/token", "float16", "float32"),
                ("sift/s", "float32", None),
            ],
            "sd, dinov2 float16 with float32 weights; sift float32",
        ),
        ([("sift/s", "float32", None)], "float32"),
        ([("sd/a", None, None)], "not recorded"),
        ([("sd/a",)], "not recorded"),
    ],
)
def test_the_precision_and_the_variant_of_the_weights_stand_in_one_line(reports, layers, expected):
    keys = "layer", "precision", "weights_variant"
    told = [
        {"model": "m", "revision": "1", **dict(zip(keys, layer, strict=False))} for layer in layers
    ]
    report = {**reports["nearest"], "layers": told}
    assert dict(report_facts(report))["precision"] == expected
    assert f"| precision | {expected} |" in report_markdown(report)


def test_the_page_holds_every_number(reports):
    page = report_markdown(reports["nearest"])
    for one in reports["nearest"]["numbers"]:
        assert f"| {one['label']} | {100 * one['value']:.1f} |" in page
    assert "| SD 1.5 + DINOv2-B/14 | PCK@0.10 as above |" in page
    # Every line of a table has as many cells as its title.
    tables = [block for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 6
    for table in tables:
        bars = {line.replace("\\|", "").count("|") for line in table.splitlines()}
        assert len(bars) == 1


def test_a_page_holds_no_markup_of_names(reports):
    script = "<script>alert(1)</script> [x](javascript:1) | `a`\n# b"
    report = copy.deepcopy(reports["nearest"])
    report["dataset"]["title"] = report["note"] = report["matcher"] = script
    report["protocol"]["line"] = report["versions"]["numpy"] = script
    report["by_category"][0]["category"] = script
    report["layers"][0]["model"] = script
    page = report_markdown(report)
    assert page.count(r"&lt;script&gt;alert(1)&lt;/script&gt; \[x\](javascript:1) \| \`a\`") == 8
    assert "<" not in page
    assert [line for line in page.splitlines() if line.startswith("# ")] == page.splitlines()[:1]
