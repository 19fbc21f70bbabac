"""How the page takes rough use: unlike pointers, links, files and media."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descr.applications.explorer import explore
from support.pictures import photograph, random_map

POINTERS = """([place, events]) => {
    const view = panes[place].view;
    const box = view.getBoundingClientRect();
    view.setPointerCapture = () => {};
    for (const [type, id, x, y, kind] of events) {
        view.dispatchEvent(new PointerEvent(type, {
            bubbles: true, pointerId: id, isPrimary: id === 1, pointerType: kind ?? "touch",
            clientX: box.left + x * box.width, clientY: box.top + y * box.height,
        }));
    }
}"""
"""Events (type, pointer, x, y) in a pane, places as shares of its sides."""


def test_two_fingers_pin_nothing_and_one_does(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page, screen="phone")
    both = [["pointerdown", 1, 0.4, 0.4], ["pointerdown", 2, 0.6, 0.6]]
    tab.run(POINTERS, [0, [*both, ["pointerup", 2, 0.6, 0.6], ["pointerup", 1, 0.4, 0.4]]])
    assert tab.pins == []
    # The browser takes both over where they move the page.
    tab.run(POINTERS, [0, [*both, ["pointercancel", 1, 0, 0], ["pointercancel", 2, 0, 0]]])
    tab.run(POINTERS, [0, [["pointerdown", 1, 0.4, 0.4], ["pointerup", 1, 0.4, 0.4]]])
    assert len(tab.pins) == 1
    touch = "getComputedStyle(document.querySelector('.view')).touchAction"
    assert tab.run(touch) == "pinch-zoom"


def test_a_pen_points_before_it_touches(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page)
    for kind, image in (("touch", 0), ("pen", 1)):
        tab.run(POINTERS, [1, [["pointermove", 1, 0.3, 0.3, kind]]])
        assert tab.run("state.pointer.image") == image


def test_a_pin_that_is_taken_back_on_its_way_is_not_dragged_on(
    open_page: Any, fused_page: Any
) -> None:
    tab = open_page(fused_page)
    tab.click(0, 22, 27)
    tab.page.mouse.down()
    tab.page.mouse.move(*tab.at(0, 42, 27), steps=3)
    for _ in range(2):
        tab.page.keyboard.press("Control+Z")
    assert tab.pins == []
    tab.page.mouse.move(*tab.at(0, 52, 27), steps=3)
    tab.page.mouse.up()
    tab.settle()
    assert tab.pins == []


def test_a_key_that_is_held_pins_once(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page)
    tab.pane(0).focus()
    for _ in range(4):
        tab.page.keyboard.down("Enter")
    tab.page.keyboard.up("Enter")
    assert len(tab.pins) == 1


def test_taking_a_step_back_leaves_the_theme(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page, color_scheme="light")
    tab.click(0, 22, 27)
    tab.page.locator("#theme").click()
    tab.page.locator("#undo").click()
    assert (tab.pins, tab.run("state.now.theme")) == ([], "dark")


def test_the_focus_stays_in_the_list_of_pins(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page, "#pins=0,22,27;0,42,27;0,52,27")
    tab.page.get_by_label("Name of pin 2", exact=True).fill("ear")
    tab.page.keyboard.press("Tab")
    focused = "document.activeElement.getAttribute('aria-label')"
    for label, count in (("Remove pin 2", 3), ("Remove pin 2", 2), ("Remove pin 1", 1)):
        tab.settle()
        assert (tab.run(focused), len(tab.pins)) == (label, count)
        tab.page.keyboard.press("Enter")
    tab.settle()
    assert tab.run("document.activeElement.id") == "upload"
    tab.page.locator("body").press("Control+Z")
    tab.settle()
    assert tab.page.get_by_label("Name of pin 1", exact=True).input_value() == ""


def test_only_what_a_change_touches_is_matched_again(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page, "#pins=0,22,27;0,42,27;1,22,27")
    tab.run(
        """() => {
            const own = roundTrip;
            window.count = 0;
            window.roundTrip = (...all) => (count++, own(...all));
        }"""
    )
    count = (
        "(change) => { count = 0; state.pointer = null; state.set(change); draw(); return count; }"
    )
    assert tab.run(count, {"opacity": 0.5}) == 0
    pins = tab.pins
    pins[1]["x"] = 47
    assert tab.run(count, {"pins": pins}) == 2
    assert tab.run(count, {"margin": 4}) == 6


@pytest.mark.parametrize(
    "fragment",
    [
        "shares=Infinity,1",
        "shares=1e308,1e308",
        "shares=,1",
        "shares=-1,2",
        "opacity=&temperature=&tolerance=&window=&margin=",
        "opacity=NaN&temperature=Infinity&window=-Infinity&margin=1e999",
        "at=0,,&pins=,,;0,,1",
        "pins=" + "%F0" * 20000,
        "x" * 200_000,
    ],
)
def test_words_of_a_link_that_say_nothing_change_nothing(
    open_page: Any, fused_page: Any, fragment: str
) -> None:
    tab = open_page(fused_page, f"#{fragment}")
    assert tab.run("JSON.stringify(state.now) === JSON.stringify(initial)")
    assert tab.match(1) is not None


def test_any_name_of_a_file_can_be_linked_to(
    open_page: Any, fused_page: Any, tmp_path: Path
) -> None:
    names = ["\ud800 half", "two\nlines\t", "<b>&amp;", "x" * 5000, "__proto__"]
    path = tmp_path / "points.json"
    path.write_text(json.dumps([{"x": 5, "y": 5, "name": name} for name in names]))
    tab = open_page(fused_page)
    tab.load(path)
    expected = ["\ufffd half", "two lines", "<b>&amp;", "x" * 200, "__proto__"]
    assert [pin["name"] for pin in tab.pins] == expected
    link = tab.page.url
    other = open_page(fused_page, link[link.index("#") :])
    assert [pin["name"] for pin in other.pins] == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x,y\n" + "1,1\n" * 501, "more than 500 points"),
        ("x" * 4_000_001, "too large"),
        ("[" * 100_000, "the file is no JSON"),
        ('[{"x": 1, "y": 1, "name": {"toString": 1}}]', "primitive"),
        ('{"matches": [null]}', "point 1: x and y must be numbers"),
        ('{"x": 1e999, "y": 1}', "must be numbers"),
        ('"' + "x" * 100_000, "no columns x and y"),
    ],
)
def test_a_hostile_file_is_refused(
    open_page: Any, fused_page: Any, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "points.csv").write_text(text)
    tab = open_page(fused_page)
    tab.page.locator("#file").set_input_files(tmp_path / "points.csv")
    tab.page.wait_for_selector("#note.shown")
    assert says in tab.page.locator("#note").text_content()
    assert tab.pins == []


def test_sliders_say_what_they_show(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page, "#matcher=soft-argmax&temperature=0.1&window=all")
    said = """[...document.querySelectorAll("input[type=range]")].map((one) => [
        one.getAttribute("aria-valuetext"), one.parentElement.querySelector("output").textContent,
    ])"""
    rows = tab.run(said)
    assert all(value == text for value, text in rows)
    assert {"0.1", "all", "80 %", "±2"} <= {value for value, _ in rows}
    assert tab.page.locator("output:not([aria-live=off])").count() == 0


def test_a_dark_page_is_printed_on_white(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page, "#theme=dark&pins=0,22,27", color_scheme="dark")
    tab.page.emulate_media(media="print")
    colors = tab.run(
        """['.name', '#pins .place'].map((one) => {
            return getComputedStyle(document.querySelector(one)).color;
        })"""
    )
    assert all(max(map(int, color[4:-1].split(","))) < 128 for color in colors)
    for hidden in ("header", "#overlay", "#matcher", "#upload"):
        assert not tab.page.locator(hidden).is_visible()
    assert tab.page.locator("#pins .place").is_visible()


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_lines_and_marks_stay_together_when_the_window_changes(
    open_page: Any, fused_page: Any, screen: str
) -> None:
    tab = open_page(fused_page, "#pins=0,22,27", screen=screen)
    tab.page.set_viewport_size({"width": 640, "height": 700})
    tab.page.wait_for_timeout(100)
    tab.settle()
    stage = tab.page.locator("#stage").bounding_box()
    line = tab.run(
        """["x1", "y1", "x2", "y2"].map((end) => {
            return document.querySelector("#overlay .pair")[end].baseVal.value;
        })"""
    )
    for place, end in ((0, line[:2]), (1, line[2:])):
        box = tab.pane(place).locator(".pin").bounding_box()
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        at = np.array(middle) - [stage["x"], stage["y"]]
        assert end == pytest.approx(at, abs=1)


def test_twelve_images_fit_a_wide_screen(open_page: Any) -> None:
    maps = [random_map(6, 8, seed=at, name=f"{at}.png") for at in range(12)]
    page = explore(maps, images=[photograph(60, 80, at) for at in range(12)])
    tab = open_page(page, "#pins=3,22,27")
    tab.page.set_viewport_size({"width": 3440, "height": 1440})
    tab.settle()
    assert tab.run("document.documentElement.scrollWidth === innerWidth")
    boxes = [tab.pane(at).bounding_box() for at in range(12)]
    assert all(box["width"] > 200 and box["height"] > 150 for box in boxes)
    assert tab.page.locator(".pin:visible").count() == 12
