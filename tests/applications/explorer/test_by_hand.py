"""Matches of pins that somebody sets by hand, in a browser."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descr.applications.exchange import read_points
from descr.matchers import NearestNeighbor

PIN, RAW = (22.0, 27.0), (31.0, 44.0)
"""A pin at a centre of a cell of image 0, and where its match in image 1 is put."""


def target(tab: Any) -> Any:
    """The match of the first pin in image 1."""
    return tab.pane(1).locator(".pin").first


def middle(element: Any) -> tuple[float, float]:
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def put_by_hand(tab: Any, place: tuple[float, float] = RAW) -> None:
    """Drag the match of the first pin to a place of image 1."""
    tab.pane(1).scroll_into_view_if_needed()
    tab.page.mouse.move(*middle(target(tab)))
    tab.page.mouse.down()
    tab.page.mouse.move(*tab.at(1, *place), steps=5)
    tab.page.mouse.up()
    tab.settle()


def place_of(tab: Any) -> tuple[float, float] | None:
    place = tab.pins[0]["byHand"].get("1")
    return (place["x"], place["y"]) if place else None


@pytest.mark.parametrize("screen", ["desktop", "tablet", "phone"])
def test_a_match_is_dragged_shown_undone_and_computed_again(
    open_page: Any, fused_page: Any, screen: str
) -> None:
    tab = open_page(fused_page, f"#pins=0,{PIN[0]},{PIN[1]}", screen=screen)
    tab.pane(1).scroll_into_view_if_needed()
    computed = middle(target(tab))
    put_by_hand(tab)
    scale = tab.run("pictures[1].width") / tab.pane(1).bounding_box()["width"]
    assert place_of(tab) == pytest.approx(RAW, abs=1.01 * scale)
    assert (tab.pins[0]["x"], tab.pins[0]["y"]) == PIN
    assert "by-hand" in target(tab).get_attribute("class")
    assert "set by hand" in target(tab).get_attribute("aria-label")
    assert "Pin 1 in b.png set by hand" in tab.page.locator("#said").text_content()
    assert "by hand" in tab.page.locator("#pins .place").text_content()
    assert middle(target(tab)) == pytest.approx(tab.at(1, *RAW), abs=2)
    # The match in the third image is not of that hand.
    assert tab.page.locator(".pin.by-hand").count() == 1
    tab.page.locator("#undo").click()
    tab.settle()
    assert place_of(tab) is None
    tab.page.locator("#redo").click()
    tab.settle()
    assert place_of(tab) is not None
    tab.pane(1).scroll_into_view_if_needed()
    target(tab).dblclick()
    tab.settle()
    assert place_of(tab) is None
    tab.pane(1).scroll_into_view_if_needed()
    if screen == "desktop":
        assert middle(target(tab)) == pytest.approx(computed, abs=1)
    assert len(tab.pins) == 1


def test_keys_move_a_match_by_pixels_and_cells_and_compute_it_again(
    open_page: Any, fused_page: Any
) -> None:
    maps = fused_page.features.maps()
    truth = NearestNeighbor()(*maps[:2], points=[PIN])
    x, y = float(truth["target_x"][0]), float(truth["target_y"][0])
    tab = open_page(fused_page, f"#pins=0,{PIN[0]},{PIN[1]}")
    target(tab).focus()
    across = "ArrowLeft" if x > 25 else "ArrowRight"
    sign = -1 if x > 25 else 1
    tab.page.keyboard.press(across)
    tab.page.keyboard.press(across)
    tab.settle()
    assert place_of(tab) == pytest.approx((x + 2 * sign, y), abs=1e-9)
    tab.page.keyboard.press(f"Shift+{across}")
    assert place_of(tab) == pytest.approx((x + 7 * sign, y), abs=1e-9)
    for _ in range(30):
        tab.page.keyboard.press("Shift+ArrowUp")
    assert place_of(tab) == pytest.approx((x + 7 * sign, -0.5), abs=1e-9)
    tab.page.keyboard.press("Enter")
    assert len(tab.pins) == 1
    tab.page.keyboard.press("Delete")
    tab.settle()
    assert place_of(tab) is None
    tab.page.keyboard.press("Delete")
    assert len(tab.pins) == 1
    tab.page.locator("body").press("Control+Z")
    assert place_of(tab) == pytest.approx((x + 7 * sign, -0.5), abs=1e-9)


def test_files_and_links_keep_what_is_set_by_hand(
    open_page: Any, fused_page: Any, tmp_path: Path
) -> None:
    maps = fused_page.features.maps()
    points = [PIN, (40.0, 12.0)]
    tab = open_page(fused_page, "#pins=0,22,27,left%2520ear;0,40,12&margin=3")
    put_by_hand(tab)
    x, y = place_of(tab)
    link = tab.page.url
    table, document = (tab.save(kind, tmp_path) for kind in ("csv", "json"))
    first, second = json.loads(document.read_text())["matches"]
    assert list(first) == [
        *("name", "source_x", "source_y", "target_x", "target_y", "score", "margin"),
        *("round_trip_error", "by_hand"),
    ]
    assert (first["target_x"], first["target_y"]) == pytest.approx((x, y), abs=1e-3)
    assert (first["by_hand"], second["by_hand"]) == (True, False)
    assert [row["by_hand"] for row in csv.DictReader(table.read_text().splitlines())] == [
        "True",
        "False",
    ]
    # The cosine, and its margin, are those of the cell that holds the place.
    query = maps[0].sel(x=PIN[0], y=PIN[1]).values
    cosines = np.einsum("c,cyx->yx", query, maps[1].values)
    row, column = abs(maps[1].y.values - y).argmin(), abs(maps[1].x.values - x).argmin()
    away = cosines.copy()
    away[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4] = -1
    assert first["score"] == pytest.approx(cosines[row, column], abs=1e-5)
    assert first["margin"] == pytest.approx(cosines[row, column] - away.max(), abs=2e-5)
    back = NearestNeighbor()(maps[1], maps[0], points=[(x, y)])
    off = np.hypot(float(back["target_x"][0]) - PIN[0], float(back["target_y"][0]) - PIN[1])
    assert first["round_trip_error"] == pytest.approx(off, abs=1e-3)
    truth = NearestNeighbor(margin=3)(*maps[:2], points=points[1:])
    assert second["margin"] == pytest.approx(float(truth["margin"][0]), abs=1e-5)
    for file in (table, document):
        assert [(point.x, point.y) for point in read_points(file)] == points
        tab.page.locator("#clear").click()
        tab.load(file)
        assert place_of(tab) == pytest.approx((x, y), abs=1e-3)
        assert tab.pins[1]["byHand"] == {}
    other = open_page(fused_page, link[link.index("#") :])
    assert place_of(other) == pytest.approx((x, y), abs=1e-3)
    assert other.pins[0]["name"] == "left ear"


def test_it_counts_where_the_matcher_finds_none(open_page: Any, masked: Any) -> None:
    tab = open_page(masked[0], "#pins=0,2.5,2.5,,1,20.25,30.5")
    assert middle(target(tab)) == pytest.approx(tab.at(1, 20.25, 30.5), abs=1)
    assert tab.page.locator("#overlay .pair").count() == 1


@pytest.mark.parametrize("ends", ["1,500,1", "1,nan,1", "0,5,5", "7,5,5", "1,5", "1,,", "x,y,z"])
def test_a_link_with_a_place_of_nonsense_has_none(
    open_page: Any, fused_page: Any, ends: str
) -> None:
    tab = open_page(fused_page, f"#pins=0,22,27,ear,{ends}")
    assert [(pin["name"], pin["byHand"]) for pin in tab.pins] == [("ear", {})]


def test_a_file_with_a_place_outside_is_refused(
    open_page: Any, fused_page: Any, tmp_path: Path
) -> None:
    path = tmp_path / "points.csv"
    path.write_text("source_x,source_y,target_x,target_y,by_hand\n1,2,500,3,True\n")
    tab = open_page(fused_page)
    tab.page.locator("#file").set_input_files(path)
    tab.page.wait_for_selector("#note.shown")
    assert "target of point 1, set by hand" in tab.page.locator("#note").text_content()
    assert tab.pins == []
