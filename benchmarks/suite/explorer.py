"""How large a page of `descr explore` is, what it loses, and how long a frame takes in Chromium.

The middle of `stereo_motorcycle`, 60 x 60 cells, with two sources of 384 channels each: SIFT of
three scales, and of three larger ones. A frame compares a cell with both images, matches it there
and back, and draws; 512 components are as many as a page holds.
"""

import shutil
from collections.abc import Iterator

from descr.applications.explorer import explore
from descr.descriptors import SIFT, Fused
from skimage import data

from ..bench import Bench, UnavailableError
from ..results import Row

SCALES = (1, 2, 3), (4, 6, 8)
FRAMES = """([cells, rounds]) => {
    const shortest = new Array(cells).fill(Infinity);
    for (let round = 0; round < rounds; round++) {
        for (let at = 0; at < cells; at++) {
            rows.rows.clear();
            state.point({ image: 0, ...pictures[0].centre((at * 1009) % pictures[0].count) });
            draw();
            shortest[at] = Math.min(shortest[at], frames.last);
        }
    }
    return shortest;
}"""
"""The shortest time of each frame: what else the machine does makes others longer."""


def run(bench: Bench, *, frames: int = 30, rounds: int = 8) -> Iterator[Row]:
    """One row."""
    playwright = bench.peer("playwright.sync_api", "playwright")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if playwright is None or program is None:
        raise UnavailableError("needs Chromium and playwright (the extra dev)")
    images = [one[:, 120:620] for one in data.stereo_motorcycle()[:2]]
    describe = Fused(*(SIFT(size=480, step=8, scales=scales) for scales in SCALES))
    page = explore(images, describe)
    page.save(bench.folder / "page.html")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        tab.goto((bench.folder / "page.html").as_uri())
        tab.wait_for_selector("html[data-ready]")
        times = sorted(tab.evaluate(FRAMES, [frames, rounds]))
        browser.close()
    size, whole = len(page.html) / 1e6, page.loss.isel(descriptor=-1)
    median, longest = times[len(times) // 2], times[-1]
    yield Row(
        "pair of 60 x 60 cells",
        {
            "MB": size,
            "components": float(whole["components"]),
            "same cell, %": 100 * float(whole["same_cell"]),
            "within one, %": 100 * float(whole["within_one_cell"]),
            "cosine, rms": float(whole["rms"]),
            "ms a frame": median,
            "longest, ms": longest,
        },
        {"at most 12 MB": size <= 12, "the median frame within 16 ms": median <= 16},
    )
