"""What is measured of each pair, and what intervals are drawn from."""

from dataclasses import replace

import numpy as np
import pytest
from descr.applications.evaluation import build_report, compare_reports, predict
from descr.applications.evaluation.metrics import bootstrap_interval
from descr.applications.evaluation.protocols.protocol import PROTOCOLS
from descr.applications.evaluation.report.measures import Measure
from descr.matchers import MutualNearestNeighbor


def test_objects_are_drawn_from_all_videos(written, describe, tmp_path):
    """A video with one object would never vary by itself."""
    dataset = written("davis-2017")
    report = build_report(predict(dataset, describe, folder=tmp_path), dataset)
    pairs = report["pairs"]
    assert pairs["what"] == "objects"
    for one, right, of in zip(report["numbers"], pairs["right"], pairs["of"], strict=True):
        result = bootstrap_interval(right, of, "per-image", resamples=1000)
        assert (one["low"], one["high"]) == (result.low, result.high)
        assert one["low"] < one["value"] < one["high"]
    worse = {**report, "pairs": {**pairs, "right": (np.array(pairs["right"]) / 2).tolist()}}
    difference = compare_reports(report, worse)["numbers"][0]
    assert difference["low"] < difference["difference"] < difference["high"]


def test_pairs_are_drawn_within_their_category():
    one = Measure("PCK@0.10", "%", np.array([1.0, 5.0]), np.array([10.0, 10.0]), "per-point")
    result = one.record(np.array(["cat", "dog"]))
    assert (result["low"], result["value"], result["high"]) == (0.3, 0.3, 0.3)


def test_every_alpha_has_its_own_label(written, describe, tmp_path):
    dataset = written("pf-pascal")
    predictions = predict(dataset, describe, folder=tmp_path)
    protocol = replace(PROTOCOLS["pf-pascal"], alphas=(0.005, 0.01, 0.125))
    report = build_report(predictions, dataset, protocol=protocol)
    labels = [one["label"] for one in report["numbers"]]
    assert labels == ["PCK@0.005", "PCK@0.01", "PCK@0.125"]


def test_a_quantity_that_one_run_lacks_is_compared_where_both_have_it(written, describe, tmp_path):
    """The smoothness of a flow of which nothing is known."""
    dataset = written("tss")
    first = build_report(predict(dataset, describe, folder=tmp_path), dataset)
    result = predict(dataset, describe, MutualNearestNeighbor(), folder=tmp_path)
    silent = slice(0, int(result["cells"][0]))
    for name in ("end_x", "end_y"):
        result[name][silent] = np.nan
    second = build_report(result, dataset)
    smoothness = [report["pairs"]["right"][2] for report in (first, second)]
    assert second["pairs"]["of"][2][0] == 0 < first["pairs"]["of"][2][0]
    row = compare_reports(first, second)["numbers"][2]
    assert row["first"] == pytest.approx(np.mean(smoothness[0][1:]))
    assert row["second"] == pytest.approx(np.mean(smoothness[1][1:]))
