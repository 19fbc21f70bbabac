import csv
import json
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import xarray as xr
from descr.applications.search import Index, hit_rows
from descr.descriptors import SIFT, Basis, FeatureStore


@pytest.fixture
def index(folder: Path, unrelated: Path) -> Index:
    """Of a.png, b.png that shows nearly the same, and another picture."""
    store = FeatureStore("features", SIFT(size=96))
    store.extract(["a.png", "b.png", unrelated])
    return Index.build("i.index", store, basis=Basis.fit(store, components=16))


def test_hits_are_those_of_the_library(descr: Any, index: Index) -> None:
    expected = index.search("a.png", descriptor=SIFT(size=96), points=[(40, 30)], top=2)

    done = descr(
        *("search", "a.png", "i.index", "--point", "40,30", "--top", "2"),
        *("-o", "h.csv", "-o", "h.json", "-o", "h.nc"),
    )

    assert done.code == 0, done.err
    assert "descriptor: sift (the recipe of i.index)" in done.err
    assert done.out.splitlines()[2].split()[:2] == ["1", "a.png"]
    assert "looked at  the cells of 3 of 3 images" in done.out
    with Path("h.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == expected["image"].values.tolist()
    assert float(rows[1]["x"]) == pytest.approx(float(expected["x"][1]), abs=1e-3)
    document = json.loads(Path("h.json").read_text())
    assert document["hits"] == hit_rows(expected)
    assert document["looked_at"] == 3
    with xr.open_dataset("h.nc", engine="netcdf4") as kept:
        assert kept["image"].values.tolist() == expected["image"].values.tolist()


@pytest.mark.parametrize(
    "part",
    [("--box", "20,10,70,50"), ("--mask", "m.png"), ("--point", "40,30", "--around", "0"), ()],
)
def test_each_kind_of_part_finds_its_own_image(
    descr: Any, index: Index, part: tuple[str, ...]
) -> None:
    with PIL.Image.open("a.png") as image:
        mask = PIL.Image.new("L", image.size)
    mask.paste(255, (20, 10, 70, 50))
    mask.save("m.png")

    for query in ("a.png", "features/a.png.nc"):
        for how in ((), ("--exact",), ("--candidates", "1")):
            done = descr("search", query, "i.index", *part, *how, "--json")
            assert done.code == 0, done.err
            assert json.loads(done.out)["hits"][0]["image"] == "a.png"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.png", "i.index", "--point", "4,4", "--box", "1,1,9,9"), "exclude each other"),
        (("a.png", "i.index", "--exact", "--candidates", "3"), "exclude each other"),
        (("a.png", "i.index", "--box", "1,1,9"), "--box 1,1,9: is no X0,Y0,X1,Y1"),
        (("a.png", "i.index", "--box", "9,9,1,1"), "is empty"),
        (("a.png", "i.index", "--point", "4000,4"), "lies outside a.png"),
        (("a.png", "i.index", "--point", "four"), "no such file: four"),
        (("a.png", "i.index", "-o", "hits.txt"), "hits.txt"),
        (("a.png", "features"), "features is no index"),
        (("z.png", "i.index"), "no such file: z.png"),
        (("a.png", "i.index", "--set", "size=64"), "size 96 against 64"),
    ],
)
def test_what_can_not_be_looked_for_is_refused(
    descr: Any, index: Index, arguments: tuple[str, ...], message: str
) -> None:
    done = descr("search", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
