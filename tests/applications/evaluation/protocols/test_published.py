from pathlib import Path

import pytest
from descr.applications.evaluation.protocols.published import PUBLISHED, find_published
from descr.descriptors import available

DOCS = Path(__file__).parents[4] / "docs" / "protocols.md"


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
