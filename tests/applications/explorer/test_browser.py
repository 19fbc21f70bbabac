"""The page in a browser, as somebody uses it; matches are those of the matchers of Python."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from descr.applications import transfer_keypoints
from descr.applications.exchange import read_points
from descr.applications.explorer import explore
from descr.matchers import Matcher, MutualNearestNeighbor, NearestNeighbor, SoftArgmax
from support.pictures import photograph, random_map

SCREENS = ("desktop", "tablet", "phone")
MATCHERS = {
    "matcher=nearest": NearestNeighbor(margin=2),
    "matcher=nearest&margin=0": NearestNeighbor(margin=0),
    "matcher=mutual": MutualNearestNeighbor(margin=2),
    "matcher=mutual&tolerance=2&margin=5": MutualNearestNeighbor(tolerance=2, margin=5),
    "matcher=soft-argmax": SoftArgmax(margin=2),
    "matcher=soft-argmax&temperature=0.2&window=1": SoftArgmax(temperature=0.2, window=1, margin=2),
    "matcher=soft-argmax&window=all&margin=30": SoftArgmax(window=None, margin=30),
}
SHOWN = """points => points.map(([image, x, y]) => {
    state.point({ image, x, y });
    draw();
    return panes.map(({ view: { dataset } }) => [dataset.match, dataset.score, dataset.margin]);
})"""
"""Point at places, one after the other, and read what each image shows."""


def cells_of(fmap: xr.DataArray, count: int, seed: int = 0) -> list[tuple[float, float]]:
    """The centres (x, y) of so many random cells."""
    places = np.random.default_rng(seed).integers(0, fmap[0].size, count)
    columns = fmap.sizes["x"]
    return [(float(fmap.x[at % columns]), float(fmap.y[at // columns])) for at in places]


def shown(tab: Any, source: int, target: int, points: Any) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 2) and ratings (n, 2) that image `target` shows of points of `source`.

    A rating is a score and a margin; NaN stands for none.
    """
    rows = [row[target] for row in tab.run(SHOWN, [[source, x, y] for x, y in points])]
    places = [
        [float(one) for one in place.split(",")] if place else [np.nan] * 2 for place, *_ in rows
    ]
    return np.array(places), np.array([[float(one or "nan") for one in row[1:]] for row in rows])


def expected(matcher: Matcher, maps: Any, points: Any, **more: Any) -> xr.Dataset:
    return matcher(*maps, points=points, **more)


def places(matches: xr.Dataset) -> np.ndarray:
    return np.stack([matches["target_x"].values, matches["target_y"].values], axis=1)


def ratings(matches: xr.Dataset) -> np.ndarray:
    """Scores and margins (n, 2)."""
    return np.stack([matches["score"].values, matches["margin"].values], axis=1)


@pytest.mark.parametrize("ends", [(0, 1), (1, 0)])
def test_500_random_cells_match_as_in_python(open_page: Any, real_page: Any, ends: Any) -> None:
    maps = real_page.features.maps()
    source, target = (maps[at] for at in ends)
    points = cells_of(source, 500)
    found, rated = shown(open_page(real_page), *ends, points)
    truth = expected(NearestNeighbor(margin=2), (source, target), points)
    np.testing.assert_array_equal(found, places(truth))
    np.testing.assert_allclose(rated, ratings(truth), atol=1e-6)


def test_as_many_match_as_with_full_features_as_the_page_says(
    open_page: Any, real_page: Any, real_maps: Any
) -> None:
    tab = open_page(real_page)
    same, cells = 0, 0
    for ends in ((0, 1), (1, 0)):
        source, target = (real_maps[at] for at in ends)
        x, y = np.meshgrid(source["x"], source["y"])
        points = np.stack([x.ravel(), y.ravel()], axis=1)
        found, _ = shown(tab, *ends, points.tolist())
        truth = places(
            expected(NearestNeighbor(), (source, target), points, interpolation="nearest")
        )
        same += int((found == truth).all(axis=1).sum())
        cells += len(points)
    stated = float(real_page.loss["same_cell"][0])
    # The page has its numbers of float32 products, whose ties may fall otherwise.
    assert same / cells == pytest.approx(stated, abs=2e-3)
    text = tab.page.locator("#loss tr").first.text_content()
    assert f"{100 * stated:.1f} %" in text


@pytest.mark.parametrize("settings", MATCHERS)
def test_matchers_are_those_of_python_between_the_cells_too(
    open_page: Any, fused_page: Any, settings: str
) -> None:
    maps = fused_page.features.maps()
    tab = open_page(fused_page, f"#{settings}")
    generator = np.random.default_rng(0)
    between = generator.uniform(-0.5, [79.5, 59.5], (60, 2)).tolist()
    for points in (cells_of(maps[0], 100), between):
        for target in (1, 2):
            found, rated = shown(tab, 0, target, points)
            truth = expected(MATCHERS[settings], (maps[0], maps[target]), points)
            np.testing.assert_allclose(found, places(truth), atol=1e-3)
            np.testing.assert_allclose(rated, ratings(truth), atol=1e-6)


@pytest.mark.parametrize("matcher", MATCHERS)
def test_matches_stay_inside_the_masks(open_page: Any, masked: Any, matcher: str) -> None:
    page, _, masks = masked
    maps = page.features.maps()
    tab = open_page(page, f"#{matcher}")
    points = cells_of(maps[0], 120)
    found, rated = shown(tab, 0, 1, points)
    both = {"source_mask": masks[0], "target_mask": masks[1]}
    truth = expected(MATCHERS[matcher], maps, points, **both)
    assert 0 < int(truth["matched"].sum()) < 120
    np.testing.assert_allclose(found, places(truth), atol=1e-3)
    np.testing.assert_allclose(rated, ratings(truth), atol=1e-6)
    tab.page.locator("#masks").uncheck()
    found, _ = shown(tab, 0, 1, points)
    np.testing.assert_allclose(found, places(expected(MATCHERS[matcher], maps, points)), atol=1e-3)


def test_the_slider_weighs_the_sources(open_page: Any, fused_page: Any) -> None:
    features = fused_page.features
    assert features.sources == ["near", "far"]
    tab = open_page(fused_page)
    slider = tab.page.locator("#shares input")
    assert slider.input_value() == "200"
    points = cells_of(features.maps()[0], 80)
    for label, shares in (("near", (1, 0)), ("far", (0, 1)), ("Fused", (0.8, 0.2))):
        tab.page.locator("#wipe").get_by_text(label, exact=True).click()
        found, _ = shown(tab, 0, 1, points)
        truth = expected(NearestNeighbor(), features.maps(shares)[:2], points)
        np.testing.assert_array_equal(found, places(truth))
    slider.fill("650")
    tab.settle()
    assert tab.page.locator("#shares output").text_content() == "65 %"
    found, rated = shown(tab, 0, 1, points)
    truth = expected(NearestNeighbor(margin=2), features.maps((0.35, 0.65))[:2], points)
    np.testing.assert_array_equal(found, places(truth))
    np.testing.assert_allclose(rated, ratings(truth), atol=1e-6)


@pytest.mark.parametrize("screen", SCREENS)
def test_what_is_pointed_at_is_shown(open_page: Any, fused_page: Any, screen: str) -> None:
    maps = fused_page.features.maps()
    tab = open_page(fused_page, screen=screen)
    width = tab.run("document.documentElement.scrollWidth")
    assert width == tab.run("innerWidth"), "the page is wider than the screen"
    for place in (0, 1):
        for x, y in cells_of(maps[place], 4, seed=7):
            tab.hover(place, x, y)
            others = [other for other in range(3) if other != place]
            for other in others:
                truth = expected(NearestNeighbor(), (maps[place], maps[other]), [(x, y)])
                assert tab.match(other) == places(truth)[0].tolist()
                at = tab.at(other, *places(truth)[0])
                marker = tab.pane(other).locator(".best").bounding_box()
                middle = marker["x"] + marker["width"] / 2, marker["y"] + marker["height"] / 2
                assert middle == pytest.approx(at, abs=1)


def test_the_heat_map_is_of_the_cosines(open_page: Any, fused_page: Any) -> None:
    maps = fused_page.features.maps()
    tab = open_page(fused_page, "#full=1")
    x, y = cells_of(maps[0], 1)[0]
    tab.hover(0, x, y)
    pixels = """place => {
        const { canvas, context, picture } = panes[place].layer;
        return [...context.getImageData(1, 1, picture.columns, picture.rows).data];
    }"""
    table = tab.run("[...new Uint8Array(colorTables.inferno.buffer)]")
    query = maps[0].sel(x=x, y=y).values
    for place in (0, 1, 2):
        cosines = np.einsum("c,cyx->yx", query, maps[place].values)
        painted = np.array(tab.run(pixels, place)).reshape(*cosines.shape, 4)
        levels = np.clip((cosines + 1) * 127.5, 0, 255)
        colors = np.array(table).reshape(256, 4)
        # Half transparent colours come back of a canvas as rounded as it keeps them.
        low, high = (
            colors[np.floor(levels + off).clip(0, 255).astype(int)] for off in (-0.01, 0.01)
        )
        near = np.minimum(abs(painted - low), abs(painted - high))
        assert near.max() <= 2


def test_arrow_keys_move_by_a_cell_and_enter_pins(open_page: Any, fused_page: Any) -> None:
    fmap = fused_page.features.maps()[0]
    tab = open_page(fused_page)
    tab.hover(0, float(fmap.x[3]), float(fmap.y[4]))
    tab.pane(0).focus()
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("ArrowDown")
    tab.page.keyboard.press("Shift+ArrowRight")
    assert tab.run("[state.pointer.x, state.pointer.y]") == [float(fmap.x[9]), float(fmap.y[5])]
    for _ in range(20):
        tab.page.keyboard.press("ArrowUp")
    assert tab.run("state.pointer.y") == float(fmap.y[0])
    tab.page.locator("#said").filter(has_text="In b.png: x").wait_for(state="attached")
    tab.page.keyboard.press("Enter")
    assert [(pin["x"], pin["y"]) for pin in tab.pins] == [(float(fmap.x[9]), float(fmap.y[0]))]
    tab.settle()
    tab.page.locator(".pin.source").focus()
    tab.page.keyboard.press("ArrowLeft")
    assert tab.pins[0]["x"] == float(fmap.x[8])
    tab.page.locator(".pin.source").focus()
    tab.page.keyboard.press("Delete")
    assert tab.pins == []


@pytest.mark.parametrize("screen", SCREENS)
def test_pins_are_set_moved_named_removed_and_all_is_undone(
    open_page: Any, fused_page: Any, screen: str
) -> None:
    fmap = fused_page.features.maps()[0]
    first, second, third = [(float(fmap.x[at]), float(fmap.y[at])) for at in (2, 6, 9)]
    tab = open_page(fused_page, screen=screen)
    press = tab.page.touchscreen.tap if screen == "phone" else tab.page.mouse.click
    for place in (first, second):
        press(*tab.at(0, *place))
    tab.settle()
    assert [(pin["x"], pin["y"]) for pin in tab.pins] == [first, second]
    assert tab.page.locator("#pins li").count() == 2
    assert tab.page.locator(".pin.source").count() == 2
    assert tab.page.locator(".pin.target").count() == 4
    tab.page.mouse.move(*tab.at(0, *first))
    tab.page.mouse.down()
    tab.page.mouse.move(*tab.at(0, *third), steps=4)
    tab.page.mouse.up()
    tab.settle()
    assert (tab.pins[0]["x"], tab.pins[0]["y"]) == third
    tab.page.get_by_label("Name of pin 1", exact=True).fill("left ear")
    tab.page.keyboard.press("Tab")
    assert tab.pins[0]["name"] == "left ear"
    tab.page.get_by_label("Remove pin 2", exact=True).click()
    assert len(tab.pins) == 1
    for _ in range(5):
        tab.page.locator("#undo").click()
    tab.settle()
    assert tab.pins == []
    assert tab.page.locator("#undo").is_disabled()
    tab.page.locator("body").press("Control+Shift+Z")
    tab.page.locator("body").press("Control+Y")
    tab.settle()
    assert [(pin["x"], pin["y"]) for pin in tab.pins] == [first, second]
    tab.page.locator("body").press("Control+Z")
    assert len(tab.pins) == 1


def test_a_way_of_a_slider_is_one_step(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page)
    slider = tab.page.locator("#opacity")
    slider.focus()
    box = slider.bounding_box()
    tab.page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    tab.page.mouse.down()
    for step in (20, 40, 60):
        tab.page.mouse.move(box["x"] + step, box["y"] + box["height"] / 2)
    tab.page.mouse.up()
    assert tab.run("state.past.length") == 1
    tab.page.locator("#undo").click()
    assert tab.run("state.now.opacity") == tab.run("initial.opacity")


def test_a_link_restores_what_is_seen(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page, color_scheme="light")
    tab.click(0, 20, 30)
    tab.click(1, 20, 30)
    name = "ear, left; 50 % & more"
    tab.page.get_by_label("Name of pin 1", exact=True).fill(name)
    tab.page.locator("#matcher").get_by_text("Soft-argmax").click()
    tab.page.locator("#temperature").fill("-20")
    tab.page.locator("#window").fill("31")
    tab.page.locator("#shares input").fill("330")
    tab.page.locator("#colors").select_option("magma")
    tab.page.locator("#smooth").uncheck()
    tab.page.locator("#theme").click()
    tab.page.locator("#view").get_by_text("Components").click()
    tab.settle()
    state = tab.run("({ ...state.now, shares: state.now.shares.map((one) => one.toFixed(3)) })")
    assert (state["theme"], state["window"], state["view"]) == ("dark", None, "pca")
    assert state["pins"][0]["name"] == name
    pointer, link = tab.run("state.pointer"), tab.page.url
    other = open_page(fused_page, link[link.index("#") :])
    again = other.run("({ ...state.now, shares: state.now.shares.map((one) => one.toFixed(3)) })")
    for pins in (state["pins"], again["pins"]):
        for pin in pins:
            pin["x"], pin["y"] = round(pin["x"], 3), round(pin["y"], 3)
    assert again == state
    assert other.run("state.pointer") == pytest.approx(pointer, abs=1e-3)
    # A link that is put into the address bar of an open page is followed as well.
    other.run("location.hash = '#matcher=mutual&at=0,5,5'")
    other.settle()
    assert other.run("[state.now.matcher, state.now.pins.length]") == ["mutual", 0]


@pytest.mark.parametrize(
    "fragment",
    [
        "#at=9,1,1&pins=0,1e9,2;x;0,1;-1,1,1;0.5,1,1&shares=1,nan&opacity=x&window=-4&matcher=best",
        "#%E0%A4%A&pins=0,1,1,%25E0%25A4%25A",
        "#" + "pins=" + ";".join(["0,1,1"] * 5000),
        "#__proto__=1&constructor=2&theme=<b>",
    ],
)
def test_a_link_of_nonsense_does_no_harm(open_page: Any, fused_page: Any, fragment: str) -> None:
    tab = open_page(fused_page, fragment)
    assert tab.match(1) is not None
    assert len(tab.pins) <= tab.run("MOST_PINS")
    assert tab.run("state.now.shares") == pytest.approx([0.8, 0.2], abs=0.01)


@pytest.mark.parametrize("matcher", ["matcher=nearest", "matcher=mutual", "matcher=soft-argmax"])
def test_pins_are_saved_as_the_project_writes_them_and_loaded(
    open_page: Any, fused_page: Any, tmp_path: Path, matcher: str
) -> None:
    maps = fused_page.features.maps()
    points = {"": (11.25, 30.5), 'an "ear", left': (40.0, 12.0), "nose": (62.125, 44.75)}
    (tmp_path / "in.json").write_text(
        json.dumps({"points": [{"name": name, "x": x, "y": y} for name, (x, y) in points.items()]})
    )
    tab = open_page(fused_page, f"#{matcher}")
    tab.load(tmp_path / "in.json")
    assert [(pin["name"], (pin["x"], pin["y"])) for pin in tab.pins] == list(points.items())
    table, document = (tab.save(kind, tmp_path) for kind in ("csv", "json"))
    assert (table.name, document.name) == ("a-b.csv", "a-b.json")
    truth = transfer_keypoints(points, maps[0], maps[1], MATCHERS[matcher])
    rows = json.loads(document.read_text())["matches"]
    assert json.loads(document.read_text())["source"] == {
        "image": "a.png",
        "width": 80,
        "height": 60,
    }
    for at, row in enumerate(rows):
        one = truth.isel(point=at)
        assert row["name"] == list(points)[at]
        for key in ("target_x", "target_y", "round_trip_error", "score"):
            value = float(one[key])
            if key != "score" and (np.isnan(value) or not bool(one["matched"])):
                assert row[key] is None
            elif row[key] is not None:
                assert row[key] == pytest.approx(value, abs=2e-3)
    lines = list(csv.DictReader(table.read_text().splitlines()))
    texts = [{key: "" if one is None else str(one) for key, one in row.items()} for row in rows]
    assert [{key: as_number(one) for key, one in line.items()} for line in lines] == [
        {key: as_number(one) for key, one in row.items()} for row in texts
    ]
    for file in (table, document):
        back = [(point.name, (point.x, point.y)) for point in read_points(file)]
        assert back == list(points.items())
        tab.page.locator("#clear").click()
        tab.load(file)
        assert [(pin["name"], (pin["x"], pin["y"])) for pin in tab.pins] == list(points.items())


def as_number(text: str) -> Any:
    return float(text) if re.fullmatch(r"-?[\d.]+", text) else text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x,y\n1,2\n500,1\n", "point 2 (500, 1) lies outside a.png"),
        ("a,b\n1,2\n", "no columns x and y"),
        ("x,y\n1,b\n", "point 1: x and y must be numbers"),
        ("{", "the file is no JSON"),
        ("[[1]]", "point 1: x and y must be numbers"),
        ("", "the file holds no point"),
    ],
)
def test_a_file_that_holds_no_points_is_refused(
    open_page: Any, fused_page: Any, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "points.csv").write_text(text)
    tab = open_page(fused_page)
    tab.page.locator("#file").set_input_files(tmp_path / "points.csv")
    tab.page.wait_for_selector("#note.shown")
    assert says in tab.page.locator("#note").text_content()
    assert tab.pins == []


@pytest.mark.parametrize(
    "text",
    [
        "1,2,\n3,4,nose\n",
        "# points\nname, x, y\n\n,1,2\nnose,3,4\n",
        "\ufeffx,y,name\n1,2,\n3,4,nose",
    ],
)
def test_points_are_read_as_python_reads_them(
    open_page: Any, fused_page: Any, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    tab = open_page(fused_page)
    tab.load(path)
    assert [(one["x"], one["y"], one["name"]) for one in tab.pins] == [
        (one.x, one.y, one.name) for one in read_points(path)
    ]


NAMES = ["<script>alert(1)</script>.jpg", "</script><b>x</b>&amp;\"'.png"]


def test_names_with_html_stay_text(open_page: Any) -> None:
    maps = [random_map(4, 5, seed=at, name=name) for at, name in enumerate(NAMES)]
    page = explore(maps, images=[photograph(60, 80), photograph(60, 80, 1)])
    tab = open_page(page)
    tab.click(0, 20, 20)
    assert [one.text_content() for one in tab.page.locator(".name").all()] == NAMES
    assert tab.page.title() == " · ".join(NAMES)
    assert tab.page.locator("figcaption b b").count() == 0
    assert tab.run("document.scripts.length") == page.html.count("<script")


def test_the_policy_lets_no_request_leave(open_page: Any, fused_page: Any) -> None:
    tab = open_page(fused_page)
    failures: dict[str, str] = {}
    tab.page.on("requestfailed", lambda one: failures.update({one.url: one.failure}))
    outcome = tab.run(
        """async () => {
            const blocked = [];
            addEventListener("securitypolicyviolation", (event) => {
                blocked.push(event.effectiveDirective);
            });
            const image = new Image();
            image.src = "https://example.invalid/x.png";
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.head.append(script);
            const fetched = await fetch("https://example.invalid/").catch(() => "refused");
            await new Promise((resolve) => setTimeout(resolve, 100));
            return { blocked: blocked.sort(), fetched, ran: window.ran ?? false };
        }"""
    )
    assert outcome["fetched"] == "refused"
    assert not outcome["ran"]
    assert outcome["blocked"] == ["connect-src", "img-src", "script-src-elem"]
    assert failures.pop("https://example.invalid/x.png") == "csp"
    assert all(failure == "csp" for failure in failures.values())
    tab.faults.clear()  # what the page was made to do here


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_and_controls_have_names(
    open_page: Any, fused_page: Any, screen: str, scheme: str
) -> None:
    tab = open_page(fused_page, "#pins=0,20,20", screen=screen, color_scheme=scheme)
    unnamed = tab.run(
        """[...document.querySelectorAll("button, input, select, [role]")].filter((one) => {
            const labels = [...(one.labels ?? [])].map((label) => label.textContent).join("");
            return !(one.getAttribute("aria-label") || labels || one.textContent).trim();
        }).map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    contrast = tab.run(
        """(() => {
            const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
            const light = (color) => {
                canvas.fillStyle = color;
                canvas.fillRect(0, 0, 1, 1);
                const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => {
                    const share = part / 255;
                    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
                });
                return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
            };
            const of = (selector, property) => {
                return getComputedStyle(document.querySelector(selector))[property];
            };
            const chosen = "#view input:checked + span";
            const pairs = [["h1 em", "body"], [".name", "body"], ["h2", "aside section"],
                ["#pins .place", "aside section"], [chosen, chosen]];
            return pairs.map(([text, ground]) => {
                const both = [light(of(text, "color")), light(of(ground, "backgroundColor"))];
                return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
            });
        })()"""
    )
    assert min(contrast) >= 4.5
