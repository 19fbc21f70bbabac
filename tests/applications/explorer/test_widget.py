"""The page in a cell of a notebook: a host of widgets in a browser, and Python at its other end."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descr.applications.explorer import Page
from descr.applications.explorer.widget import Explorer
from descr.descriptors.errors import OptionError
from descr.matchers import NearestNeighbor

HOST = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body>
<script>
/** What a front end gives a widget: traits that are got and set, and events of their changes. */
class Model {
  constructor(name, state) {
    Object.assign(this, { name, state, changed: {}, listeners: {} });
  }
  get(key) { return this.state[key]; }
  set(key, value) {
    if (JSON.stringify(value) === JSON.stringify(this.state[key])) return;
    this.state[key] = this.changed[key] = value;
    for (const listener of this.listeners[`change:${key}`] ?? []) listener();
  }
  save_changes() {
    saved(this.name, this.changed);
    this.changed = {};
  }
  receive(state) {
    for (const [key, value] of Object.entries(state)) this.set(key, value);
    this.changed = {};
  }
  on(event, listener) { (this.listeners[event] ??= []).push(listener); }
  off(event, listener) {
    this.listeners[event] = this.listeners[event].filter((one) => one !== listener);
  }
}
const [models, cleanups, keys] = [{}, {}, []];
addEventListener("keydown", (event) => keys.push(event.key));
async function show(name, state, code) {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const el = document.body.appendChild(document.createElement("div"));
  models[name] ??= new Model(name, state);
  cleanups[name] = await widget.render({ model: models[name], el });
}
</script>
"""
SETTLED = "() => document.documentElement.dataset.ready && !isScheduled && toRemember === 0"


@dataclass
class Cell:
    """A widget, and the page that a cell shows of it."""

    widget: Explorer
    frame: Any

    def settle(self) -> None:
        """Wait until the page has taken in all, and said so."""
        self.frame.evaluate("() => new Promise(done => setTimeout(done, 50))")
        self.frame.wait_for_function(SETTLED)
        self.frame.page.evaluate("() => new Promise(done => setTimeout(done))")

    def click(self, place: int, x: float, y: float) -> None:
        """Click a point of an image."""
        pane = self.frame.locator(".view").nth(place)
        box = pane.bounding_box()
        width, height = self.frame.evaluate(
            "at => [pictures[at].width, pictures[at].height]", place
        )
        across, down = box["width"] * (x + 0.5) / width, box["height"] * (y + 0.5) / height
        pane.click(position={"x": across, "y": down})
        self.settle()

    def set(self, **traits: Any) -> None:
        """Set traits in Python, as a cell of the notebook does."""
        for name, value in traits.items():
            setattr(self.widget, name, value)
        state = {name: getattr(self.widget, name) for name in traits}
        key = self.widget.model_id
        self.frame.page.evaluate("([key, state]) => models[key].receive(state)", [key, state])
        self.settle()

    @property
    def pins(self) -> list[dict[str, Any]]:
        return self.frame.evaluate("state.now.pins")


Show = Callable[..., Cell]


@pytest.fixture
def notebook(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A page that hosts widgets; nothing may be asked for by it, nor go wrong in it."""
    (tmp_path / "host.html").write_text(HOST, encoding="utf-8")
    own = (tmp_path / "host.html").as_uri()
    # Without a scheme that is emulated, which would go before that of a frame.
    context = browser.new_context(viewport={"width": 1000, "height": 1500}, color_scheme="null")
    page = context.new_page()
    faults: list[str] = []
    page.on(
        "request",
        lambda one: None if one.url.startswith((own, "data:", "blob:")) else faults.append(one.url),
    )
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(own)
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def show(notebook: Any) -> Show:
    """Shows widgets in the cells of a notebook."""
    widgets: dict[str, Explorer] = {}
    notebook.expose_function("saved", lambda key, changes: widgets[key].set_state(changes))

    def show_it(widget: Explorer) -> Cell:
        widgets[widget.model_id] = widget
        state = json.loads(json.dumps(widget.get_state()))
        others = notebook.frames
        notebook.evaluate(
            "([key, state, code]) => show(key, state, code)",
            [widget.model_id, state, state["_esm"]],
        )
        (frame,) = (one for one in notebook.frames if one not in others)
        frame.wait_for_function(SETTLED)
        cell = Cell(widget, frame)
        cell.settle()
        return cell

    return show_it


TARGET = {"image": 2, "x": 4.0, "y": 5.5}
POINTS = [
    {"image": 0, "x": 12.5, "y": 20.0, "name": "ear", "targets": [TARGET]},
    {"image": 1, "x": 30.0, "y": 41.25, "name": "", "targets": []},
]


def pin(image: int, x: float, y: float) -> dict[str, Any]:
    return {"image": image, "x": x, "y": y, "name": "", "targets": []}


def centre(page: Page, image: int, row: int, column: int) -> tuple[float, float]:
    outline = page.features.outlines[image]
    return float(outline["x"][column]), float(outline["y"][row])


def test_pins_of_clicks_arrive_in_python(show: Show, fused_page: Page) -> None:
    cell = show(fused_page.widget())
    assert cell.widget.points == []
    x, y = centre(fused_page, 0, 4, 7)
    cell.click(0, x, y)
    assert cell.widget.points == [pin(0, x, y)]
    assert cell.widget.pointer == {"image": 0, "x": x, "y": y}
    cell.click(1, *centre(fused_page, 1, 3, 2))
    assert [one["image"] for one in cell.widget.points] == [0, 1]
    np.testing.assert_array_equal(cell.widget.points_in(0), [[x, y]])
    source, target, _ = fused_page.features.maps()
    truth = NearestNeighbor()(source, target, points=cell.widget.points_in(0))
    shown = cell.frame.evaluate("matchesOfPin(state.now.pins[0])[1]")
    assert (shown["x"], shown["y"]) == (truth["target_x"].item(), truth["target_y"].item())
    cell.frame.locator("#clear").click()
    cell.settle()
    assert cell.widget.points == []


def test_what_python_sets_arrives_in_the_page(show: Show, fused_page: Page) -> None:
    cell = show(fused_page.widget(POINTS, settings={"view": "pca", "shares": [3, 1]}))
    assert cell.widget.points == POINTS
    assert cell.pins[0]["byHand"] == {"2": {"x": 4, "y": 5.5}}
    assert cell.frame.locator("#stage").get_attribute("data-view") == "pca"
    assert cell.widget.settings["shares"] == [0.75, 0.25]
    cell.set(points=POINTS[1:], pointer={"image": 2, "x": 7.0, "y": 9.0})
    assert cell.pins == [{"image": 1, "x": 30, "y": 41.25, "name": "", "byHand": {}}]
    assert cell.frame.evaluate("state.pointer") == {"image": 2, "x": 7, "y": 9}
    cell.set(settings={"matcher": "soft-argmax", "window": None})
    assert cell.frame.evaluate("[state.now.matcher, state.now.window, state.now.view]") == [
        *("soft-argmax", None, "pca")
    ]
    cell.set(height=500)
    assert cell.frame.evaluate("innerHeight") == 500
    cell.frame.locator("#undo").click()
    cell.frame.locator("#undo").click()
    cell.settle()
    assert cell.widget.points == POINTS
    assert cell.widget.settings["matcher"] == "nearest"


def test_a_match_set_by_hand_arrives_in_python(show: Show, fused_page: Page) -> None:
    cell = show(fused_page.widget(POINTS))
    cell.frame.evaluate("state.set({ pins: pinsByHand(0, 1, { x: 10, y: 12 }) })")
    cell.settle()
    assert cell.widget.points[0]["targets"] == [{"image": 1, "x": 10.0, "y": 12.0}, TARGET]
    # In whatever order they are set.
    cell.set(points=[POINTS[0] | {"targets": [TARGET, {"image": 1, "x": 1.0, "y": 2.0}]}])
    assert cell.pins[0]["byHand"] == {"1": {"x": 1, "y": 2}, "2": {"x": 4, "y": 5.5}}
    assert cell.widget.points[0]["targets"] == [{"image": 1, "x": 1.0, "y": 2.0}, TARGET]


def test_settings_of_python_are_those_of_the_page(show: Show, fused_page: Page) -> None:
    cell = show(fused_page.widget())
    own = cell.frame.evaluate("(({ pins, ...settings }) => settings)(initial)")
    assert cell.widget.settings == own
    cell.widget.settings = own
    with pytest.raises(OptionError, match="unknown setting") as fault:
        cell.widget.settings = {"veiw": "pca"}
    assert set(fault.value.hint.split("known: ")[1].split(", ")) == set(own)


def test_widgets_side_by_side_leave_one_another_alone(
    show: Show, fused_page: Page, masked: Any
) -> None:
    first, second = show(fused_page.widget(POINTS)), show(masked[0].widget())
    second.click(0, 40.0, 25.0)
    assert first.widget.points == POINTS
    assert len(first.pins) == 2
    assert len(second.widget.points) == 1
    first.set(points=[], settings={"opacity": 0.3})
    assert len(second.pins) == 1
    assert second.widget.settings["opacity"] == 0.8


def test_two_views_of_one_widget_show_the_same(show: Show, fused_page: Page) -> None:
    widget = fused_page.widget(POINTS)
    first, second = show(widget), show(widget)
    assert len(second.pins) == 2
    first.click(0, *centre(fused_page, 0, 4, 7))
    second.settle()
    assert first.pins == second.pins
    assert widget.points == [*POINTS, pin(0, *centre(fused_page, 0, 4, 7))]


def test_a_cell_that_is_moved_keeps_its_pins(notebook: Any, show: Show, fused_page: Page) -> None:
    cell = show(fused_page.widget())
    cell.click(0, *centre(fused_page, 0, 4, 7))
    points = cell.widget.points
    # The page is loaded again, as where a notebook takes cells out that are out of sight.
    notebook.evaluate("document.body.append(document.querySelector('iframe').parentElement)")
    cell.frame = notebook.frames[-1]
    cell.frame.wait_for_function(SETTLED)
    cell.settle()
    assert cell.widget.points == points
    assert len(cell.pins) == len(points) == 1


def test_keys_of_the_page_stay_in_it(notebook: Any, show: Show, fused_page: Page) -> None:
    cell = show(fused_page.widget())
    cell.click(0, *centre(fused_page, 0, 4, 7))
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        notebook.keyboard.press(key)
    cell.settle()
    x, y = centre(fused_page, 0, 5, 8)
    assert cell.widget.points[-1] == pin(0, x, y)
    assert notebook.evaluate("keys") == []
    assert notebook.evaluate("[scrollX, scrollY]") == [0, 0]


def test_the_page_follows_the_theme_of_the_notebook(
    notebook: Any, show: Show, fused_page: Page
) -> None:
    cell = show(fused_page.widget())
    ground = "getComputedStyle(document.body).backgroundColor"
    assert cell.frame.evaluate(ground) == "rgb(244, 243, 240)"
    notebook.evaluate("document.body.style.cssText = 'background: #111; color: #eee'")
    cell.settle()
    assert cell.frame.evaluate(ground) == "rgb(16, 17, 20)"


def test_a_widget_that_is_closed_hears_no_more(notebook: Any, show: Show, fused_page: Page) -> None:
    cell = show(fused_page.widget())
    notebook.evaluate("key => cleanups[key]()", cell.widget.model_id)
    cell.click(0, *centre(fused_page, 0, 4, 7))
    assert len(cell.pins) == 1
    assert cell.widget.points == []


def test_the_page_in_a_cell_is_live_without_python(notebook: Any, fused_page: Page) -> None:
    notebook.set_content(fused_page._repr_html_())
    cell = Cell(None, notebook.frames[1])
    cell.frame.wait_for_function(SETTLED)
    cell.settle()
    cell.click(0, *centre(fused_page, 0, 4, 7))
    assert len(cell.pins) == 1
    assert cell.frame.locator("#link").is_hidden()


def test_traits_are_checked(fused_page: Page) -> None:
    widget = fused_page.widget([{"image": 0, "x": 1, "y": 2}], settings={"opacity": 0.5})
    assert widget.points == [pin(0, 1.0, 2.0)]
    widget.settings = {"view": "pca"}
    assert widget.settings == {"opacity": 0.5, "view": "pca"}
    changes: list[Any] = []
    widget.observe(changes.append, "points")
    widget.points = []
    assert [change["old"] for change in changes] == [[pin(0, 1.0, 2.0)]]
    assert widget.points_in(0).shape == (0, 2)
    assert repr(widget) == "Explorer of a.png · b.png · c.png, 0 pinned"
    assert repr(fused_page) == "Page of a.png · b.png · c.png"


@pytest.mark.parametrize(
    ("traits", "message"),
    [
        ({"points": [{"image": 3, "x": 1, "y": 1}]}, "point 1: image must be .* from 0 to 2"),
        ({"points": [{"image": 0, "x": 80, "y": 1}]}, "point 1: x must be .* at most 79.5"),
        (
            {"points": [{"image": 0, "x": 1, "y": 1, "targets": [{"image": 0, "x": 1, "y": 1}]}]},
            "target of point 1 is in image 0 again",
        ),
        ({"points": [(1, 2)]}, r"point 1 is \(1, 2\)"),
        ({"points": [{"image": 0, "x": 1, "y": 1}] * 501}, "number of points .* from 0 to 500"),
        ({"settings": {"view": "hot"}}, "view must be one of heat, pca, photograph"),
        ({"settings": {"opacity": 2}}, "opacity must be"),
        ({"settings": {"shares": [1]}}, "number of shares"),
        ({"settings": {"shares": [0, 0]}}, "sum of the shares"),
        ({"settings": {"lines": 1}}, "lines must be one of False, True"),
        ({"height": 10}, "height must be"),
    ],
)
def test_what_the_page_cannot_show_is_refused(
    fused_page: Page, traits: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        fused_page.widget(**traits)


def test_a_widget_needs_an_extra_and_a_page_does_not() -> None:
    program = """
import sys
sys.modules["anywidget"] = None
from descr.applications.explorer import Page
assert "ipywidgets" not in sys.modules
try:
    Page("", None, None).widget()
except ImportError as error:
    raise SystemExit("an ImportError") from error
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("OptionError the explorer as a widget needs anywidget")
    assert "descr-sdk[notebook]" in done.stdout
