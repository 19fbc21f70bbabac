"""Write the picture of a page of `descr explore`, `explorer.jpg`, beside this file.

The page is of the sample photographs, with XFeat and SIFT fused; what is seen of it is what
Chromium draws. Run `python docs/images/make_explorer.py` with the extras `test` and `dev`
installed, and Chromium on the path.
"""

import io
import shutil
import tempfile
from pathlib import Path

import PIL.Image
from descr.applications import explore
from descr.descriptors import SIFT, Fused, XFeat
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
SIZE = {"width": 1280, "height": 720}
SHOWN = (
    "#at=0,188.5,108&pins=0,300,140,right eye;0,105,60,brow;1,281,262,nose&matcher=soft-argmax"
    "&theme=dark"
)
QUALITY = 88


def main() -> None:
    """Make the page, open it, and write what is seen."""
    cats = [FOLDER / name for name in ("cat.jpg", "cat-closer.jpg")]
    page = explore(cats, Fused(XFeat(), SIFT()))
    path = FOLDER / "explorer.jpg"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "cats.html"
        page.save(file)
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE)
        tab.goto(file.as_uri() + SHOWN)
        tab.wait_for_selector("html[data-ready]")
        tab.wait_for_timeout(500)
        picture = PIL.Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
        browser.close()
    picture.save(path, quality=QUALITY, subsampling=0, optimize=True)
    print(f"{path.name}: {path.stat().st_size:,} bytes; the page: {len(page.html):,}")


if __name__ == "__main__":
    main()
