"""Names of any kind, from the photograph to the pairs that `descr match` reads."""

import csv
import os
import shutil
import unicodedata
from itertools import pairwise
from pathlib import Path

from descr.applications.exchange.pairs import read_pairs
from descr.applications.search import Index, write_neighbours
from descr.cli.main import run
from descr.descriptors import Basis
from descr.descriptors.image.reading import read_image
from support.faults import STEP, small_store

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
GROUPS = {
    "0.png": ["a.png", "A.PNG", "line\nbreak,\r.png", "'\"`$;.png", "-o.png"],
    "1.png": [COMPOSED, DECOMPOSED, "🐈\u200d⬛.png", "folder \n😀/a.png", "n" * 248 + ".png"],
}
"""Names by the photograph that all of them have."""


def test_any_name_goes_through_all_there_is(folder: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    groups: dict[str, list[str]] = {source: [] for source in GROUPS}
    for source, name in ((source, name) for source, some in GROUPS.items() for name in some):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        # Some file systems take two of them for one.
        if not (photos / name).exists():
            shutil.copy(folder / "photos" / source, photos / name)
            groups[source].append(name)
    names = [name for some in groups.values() for name in some]
    # A name of 255 bytes leaves no room for that of its features.
    shutil.copy(folder / "photos" / "0.png", photos / f"{'n' * 251}.png")
    options = ["--descriptor", "sift", "--set", "size=64", "--set", f"step={STEP}"]
    arguments = ["extract", str(photos), "-o", str(tmp_path / "features"), *options]
    assert [run(arguments), run(arguments)] == [2, 2]
    store = small_store(tmp_path / "features")
    assert list(store) == sorted(names)
    outcomes = store.extract({name: photos / name for name in names})
    assert {one.status for one in outcomes} == {"kept"}

    index = Index.build(tmp_path / "index", store, basis=Basis.load(folder / "basis.nc"))
    assert list(index) == sorted(names)
    for some in groups.values():
        for name in some:
            hits = index.search(store[name], top=len(some))
            assert sorted(hits["image"].values) == sorted(some)
            path, image = index.photograph(name)
            assert path.samefile(photos / name)
            assert image.sha256 == read_image(photos / name).sha256

    pairs = tmp_path / "pairs.csv"
    write_neighbours(index.neighbours(), pairs, kind="pair")
    rows = [(row.source, row.target) for row in read_pairs(pairs) if not row.fault]
    for some in groups.values():
        expected = {frozenset(pair) for pair in pairwise(some)}
        assert expected <= {frozenset(row) for row in rows}
    report = tmp_path / "report.csv"
    code = run(
        ["match", "--pairs", str(pairs), "--images", str(tmp_path / "features"), "-o", str(report)]
    )
    assert code == 0
    with report.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        assert {(row["source"], row["target"]) for row in csv.DictReader(file)} >= set(rows)
    assert list(index.remove(names[1:])) == names[:1]
    assert os.listdir(index.folder / "shards")
