"""Pages in a real browser: Chromium, headless, that opens files from the disk."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from descr.applications.explorer import Page, explore
from descr.descriptors import XFeat
from support.pictures import feature_map, photograph

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
SCREENS = {"desktop": (1440, 900), "tablet": (820, 1180), "phone": (390, 844)}


def _missing(what: str) -> None:
    """Skip, or fail where DESCR_BROWSER says that there must be a browser."""
    if os.environ.get("DESCR_BROWSER") == "required":
        pytest.fail(f"{what}, and DESCR_BROWSER is 'required'")
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        _missing("there is no Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield running
        running.close()


@dataclass
class Tab:
    """A page that is open, and what it did that no page should."""

    page: Any
    faults: list[str] = field(default_factory=list)

    def run(self, script: str, argument: Any = None) -> Any:
        """What a script gives in the page."""
        return self.page.evaluate(script, argument)

    def settle(self) -> None:
        """Wait until what was done is drawn, and the link holds it."""
        self.run("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        self.page.wait_for_function("() => !isScheduled && toRemember === 0")

    def pane(self, place: int) -> Any:
        return self.page.locator(".view").nth(place)

    def at(self, place: int, x: float, y: float) -> tuple[float, float]:
        """Where a point of an image is on the screen."""
        self.pane(place).scroll_into_view_if_needed()
        box = self.pane(place).bounding_box()
        width, height = self.run("at => [pictures[at].width, pictures[at].height]", place)
        across, down = (x + 0.5) / width, (y + 0.5) / height
        return box["x"] + across * box["width"], box["y"] + down * box["height"]

    def hover(self, place: int, x: float, y: float) -> None:
        self.page.mouse.move(*self.at(place, x, y))
        self.settle()

    def click(self, place: int, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(place, x, y))
        self.settle()

    def match(self, place: int) -> list[float] | None:
        """Where the match that an image shows is."""
        text = self.pane(place).get_attribute("data-match")
        return [float(one) for one in text.split(",")] if text else None

    def save(self, button: str, folder: Path) -> Path:
        """The file that a button gives, in a folder."""
        with self.page.expect_download() as download:
            self.page.locator(f"#{button}").click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def load(self, path: Path) -> None:
        """Load a file of points into a page without pins, and wait for them."""
        self.page.locator("#file").set_input_files(path)
        self.page.wait_for_function("() => state.now.pins.length > 0")
        self.settle()

    @property
    def pins(self) -> list[dict[str, Any]]:
        return self.run("state.now.pins")


Open = Callable[..., Tab]


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page from the disk; afterwards nothing may have been asked for, nor gone wrong."""
    contexts, tabs = [], []

    def open_it(page: Page, fragment: str = "", screen: str = "desktop", **options: Any) -> Tab:
        path = tmp_path / "page.html"
        page.save(path)
        width, height = SCREENS[screen]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            has_touch=screen != "desktop",
            accept_downloads=True,
            **options,
        )
        contexts.append(context)
        tab = Tab(context.new_page())
        tabs.append(tab)
        own = path.as_uri()

        def request(request: Any) -> None:
            if not request.url.startswith((own, "data:", "blob:")):
                tab.faults.append(request.url)

        tab.page.on("request", request)
        tab.page.on("console", lambda message: tab.faults.append(message.text))
        tab.page.on("pageerror", lambda error: tab.faults.append(str(error)))
        tab.page.goto(own + fragment)
        tab.page.wait_for_selector("html[data-ready]")
        tab.settle()
        return tab

    yield open_it
    for context in contexts:
        context.close()
    assert [fault for tab in tabs for fault in tab.faults] == []


@pytest.fixture(scope="session")
def real_maps(motorcycle: tuple[np.ndarray, ...]) -> list[xr.DataArray]:
    """XFeat's maps of a stereo pair."""
    return XFeat(size=384)(*motorcycle[:2])


@pytest.fixture(scope="session")
def real_page(real_maps: list[xr.DataArray], motorcycle: tuple[np.ndarray, ...]) -> Page:
    """The page of a stereo pair."""
    return explore(real_maps, images=motorcycle[:2])


SOURCES = {"near": (6, 0.8), "far": (10, 0.2)}


def fused_map(seed: int, rows: int, columns: int, **about: Any) -> xr.DataArray:
    """A map of random cells, of two sources with shares of 0.8 and 0.2 of the cosine."""
    generator = np.random.default_rng(seed)
    pieces, labels = [], []
    for name, (channels, share) in SOURCES.items():
        cells = generator.normal(size=(channels, rows, columns))
        pieces.append(cells / np.linalg.norm(cells, axis=0) * np.sqrt(share))
        labels += [name] * channels
    fmap = feature_map(np.concatenate(pieces), **about)
    return fmap.assign_coords(source=("channel", labels))


@pytest.fixture(scope="session")
def fused_maps() -> list[xr.DataArray]:
    """Random maps of three images of several sizes."""
    return [
        fused_map(1, 12, 16, height=60, width=80, name="a.png"),
        fused_map(2, 14, 10, height=70, width=50, name="b.png"),
        fused_map(3, 9, 9, height=45, width=45, name="c.png"),
    ]


@pytest.fixture(scope="session")
def fused_images() -> list[np.ndarray]:
    return [photograph(60, 80), photograph(70, 50, 1), photograph(45, 45, 2)]


@pytest.fixture(scope="session")
def fused_page(fused_maps: list[xr.DataArray], fused_images: list[np.ndarray]) -> Page:
    """A page of three small images."""
    return explore(fused_maps, images=fused_images)


@pytest.fixture(scope="session")
def masked() -> tuple[Page, list[xr.DataArray], list[np.ndarray]]:
    """A page of two images with masks, its maps, and the masks."""
    maps = [
        fused_map(4, 12, 16, height=60, width=80, name="a.png"),
        fused_map(5, 14, 10, height=70, width=50, name="b.png"),
    ]
    masks = [np.zeros((60, 80), bool), np.zeros((70, 50), bool)]
    masks[0][10:45, 20:70] = True
    masks[1][:50, 12:] = True
    page = explore(maps, images=[photograph(60, 80), photograph(70, 50, 1)], masks=masks)
    return page, maps, masks
