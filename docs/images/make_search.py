"""Write `search.jpg`, the sheet on the page on search, beside this file.

It is what `descr search` draws, with XFeat, of one click on the handle of a cup: scikit-image's
`coffee`, of which `benchmarks.corpus` makes 20 of 400 images.

Run `python docs/images/make_search.py` at the top of the repository with the extras `test` and
`xfeat` installed.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import PIL.Image
from descr.applications import draw_hits
from descr.applications.search import Index
from descr.descriptors import Basis, FeatureStore, XFeat

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks.corpus import photographs, write_corpus

HANDLE = (228, 268)


def main() -> None:
    """Make the corpus and its index in a temporary folder, search and draw."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_corpus(folder / "photographs", 400)
        photographs()["coffee"].save(folder / "coffee.png")
        store = FeatureStore(folder / "features", XFeat())
        store.extract(sorted((folder / "photographs").glob("*.jpg")))
        index = Index.build(folder / "index", store, basis=Basis.fit(store, components=64))
        query = folder / "coffee.png"
        hits = index.search(query, descriptor=XFeat(), points=[HANDLE], top=11)
        sheet = draw_hits(
            hits, query, lambda name: index.photograph(name)[1], points=[HANDLE], width=1100
        )
    path = Path(__file__).parent / "search.jpg"
    PIL.Image.fromarray(sheet).save(path, quality=84, optimize=True)
    height, width = sheet.shape[:2]
    print(f"{path.name}: {width} x {height}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
