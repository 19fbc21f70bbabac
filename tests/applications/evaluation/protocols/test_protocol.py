import json
from pathlib import Path

import pytest
from descr.applications.evaluation.datasets import DATASETS
from descr.applications.evaluation.protocols.protocol import (
    PROTOCOLS,
    PUBLISHED,
    Protocol,
    find_published,
    protocol_of,
)
from descr.descriptors import available
from descr.descriptors.errors import OptionError

DOCS = Path(__file__).parents[4] / "docs" / "protocols.md"


def test_one_line_says_all_of_it():
    protocol = Protocol(
        "spair-71k",
        "test",
        "PCK",
        alphas=[0.1, 0.05, 0.005],
        threshold="bbox",
        average="per-point",
        comparison="<",
        detail="2 of 18 classes",
    )
    assert protocol.line() == (
        "spair-71k test | PCK@0.10/0.05/0.005 | bbox | per-point | < | 2 of 18 classes"
    )


def test_what_is_not_stated_is_printed_as_such():
    line = Protocol("tss", "", "flow PCK", alphas=(0.05,), subset="JODS").line()
    assert line == (
        "tss JODS | flow PCK@0.05 | threshold not stated | average not stated | < or <= not stated"
    )


def test_masks_have_no_threshold():
    assert Protocol("davis-2017", "val", "J&F").line() == "davis-2017 val | J&F"


def test_a_record_goes_through_json():
    for protocol in PROTOCOLS.values():
        record = json.loads(json.dumps(protocol.record()))
        assert Protocol(**{**record, "alphas": tuple(record["alphas"])}) == protocol


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "EPE"},
        {"threshold": "box"},
        {"average": "mean"},
        {"comparison": ">"},
        {"alphas": ()},
        {"alphas": (0.1, -0.1)},
    ],
)
def test_a_protocol_that_does_not_exist_is_refused(change):
    with pytest.raises(OptionError):
        Protocol(**{"dataset": "tss", "split": "", "metric": "PCK", "alphas": (0.1,), **change})


def test_every_data_set_has_a_protocol():
    assert set(DATASETS.builtin) <= set(PROTOCOLS)
    assert protocol_of("tss").comparison == "<="
    with pytest.raises(OptionError, match="spair") as error:
        protocol_of("spair")
    assert "spair-71k" in error.value.hint


def test_the_rows_are_those_that_were_published():
    percent = {
        (
            row.protocol.dataset,
            row.protocol.subset,
            row.protocol.average,
            row.recipe or row.descriptor,
        ): row.percent
        for row in PUBLISHED
    }
    assert percent == {
        ("spair-71k", "", "per-point", "dinov2"): (55.6,),
        ("spair-71k", "", "per-point", "sd"): (57.2,),
        ("spair-71k", "", "per-point", "fused"): (64.0,),
        ("spair-71k", "", "per-image", "dinov2"): (6.3, 38.4, 53.9),
        ("spair-71k", "", "per-image", "dift"): (7.2, 39.7, 52.9),
        ("spair-71k", "", "per-image", "fused"): (7.9, 44.7, 59.9),
        ("spair-71k", "", "per-image", "geoaware"): (65.4,),
        ("pf-pascal", "", None, "dinov2"): (56.2, 77.3, 83.3),
        ("pf-pascal", "", None, "sd"): (61.0, 80.3, 86.1),
        ("pf-pascal", "", None, "fused"): (73.0, 86.1, 91.1),
        ("tss", "FG3DCar", "per-image", "dinov2"): (82.8,),
        ("tss", "FG3DCar", "per-image", "sd"): (93.9,),
        ("tss", "FG3DCar", "per-image", "fused"): (94.3,),
        ("tss", "JODS", "per-image", "dinov2"): (73.9,),
        ("tss", "JODS", "per-image", "sd"): (69.4,),
        ("tss", "JODS", "per-image", "fused"): (73.2,),
        ("tss", "PASCAL", "per-image", "dinov2"): (53.9,),
        ("tss", "PASCAL", "per-image", "sd"): (57.7,),
        ("tss", "PASCAL", "per-image", "fused"): (60.9,),
        ("tss", "", "per-image", "dinov2"): (72.0,),
        ("tss", "", "per-image", "sd"): (77.7,),
        ("tss", "", "per-image", "fused"): (79.7,),
    }
    assert len(percent) == len(PUBLISHED)


def test_each_row_has_a_number_for_each_alpha_and_a_descriptor_that_exists():
    for row in PUBLISHED:
        assert len(row.percent) == len(row.protocol.alphas)
        assert row.descriptor in available()
        assert row.source


@pytest.mark.parametrize("descriptor", ["dinov2", "sd", "fused"])
def test_the_mean_of_tss_is_over_its_pairs(descriptor):
    """195, 81 and 124 pairs: what was published as the mean is no mean of the three subsets."""
    rows = {row.protocol.subset: row.percent[0] for row in find_published("tss", descriptor)}
    over_pairs = (195 * rows["FG3DCar"] + 81 * rows["JODS"] + 124 * rows["PASCAL"]) / 400
    assert over_pairs == pytest.approx(rows[""], abs=0.1)


def test_rows_are_found_by_data_set_and_descriptor():
    assert {row.descriptor for row in find_published("pf-pascal")} == {"dinov2", "sd", "fused"}
    assert [row.percent for row in find_published("spair-71k", "dift")] == [(7.2, 39.7, 52.9)]
    assert find_published("spair-71k", "sift") == ()
    assert find_published("pf-willow") == ()


def test_the_page_shows_the_table():
    lines = ["| protocol | method | percent | source |", "|---|---|---|---|"]
    for row in PUBLISHED:
        numbers = " / ".join(f"{value:.1f}" for value in row.percent)
        # A bar would end the cell.
        protocol = row.protocol.line().replace(" | ", ", ")
        lines.append(f"| {protocol} | {row.method} | {numbers} | {row.source} |")
    assert "\n".join(lines) in DOCS.read_text(encoding="utf-8")
