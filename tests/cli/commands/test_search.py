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


def test_a_sheet_shows_the_hits_beside_their_table(descr: Any, index: Index) -> None:
    pictures = [f"h{suffix}" for suffix in (".png", ".jpg", ".webp", ".svg")]
    outputs = [part for name in (*pictures, "h.csv") for part in ("-o", name)]

    part = ("--box", "20,10,70,50", "--top", "2", "--width", "600")
    done = descr("search", "a.png", "i.index", *part, *outputs, "--json")

    assert done.code == 0, done.err
    assert "left out" not in done.err
    assert json.loads(done.out)["written"] == [*pictures, "h.csv"]
    for name in pictures[:3]:
        with PIL.Image.open(name) as image:
            assert image.width == pytest.approx(600, abs=4)
    texts = Path("h.svg").read_text()
    assert all(text in texts for text in ("query: a.png", "box 20, 10, 70, 50", "1: a.png", "2: "))
    # The query's own photograph is that of the first hit, and marked at the same place.
    strokes = [line for line in texts.split("<") if line.startswith("line ")]
    assert len(strokes) == 3 * 2 * 4


@pytest.mark.parametrize(
    "part",
    [("--mask", "m.png"), ("--point", "40,30", "--around", "0"), ("--point", "40,30"), ()],
)
def test_a_sheet_of_each_part_of_features(descr: Any, index: Index, part: tuple[str, ...]) -> None:
    PIL.Image.new("L", (96, 64), 255).save("m.png")
    done = descr("search", "features/a.png.nc", "i.index", *part, "-o", "h.png", "--no-titles")
    assert done.code == 0, done.err
    assert Path("h.png").is_file()


def test_photographs_are_looked_for_below_folders_and_what_is_missing_is_said(
    descr: Any, index: Index, folder: Path
) -> None:
    (folder / "elsewhere").mkdir()
    for name in ("b.png", "c.png"):
        (folder / name).rename(folder / "elsewhere" / name)

    done = descr("search", "a.png", "i.index", "-o", "h.svg")
    assert done.code == 0, done.err
    (line,) = [line for line in done.err.splitlines() if "left out" in line]
    assert line.startswith("2 of 3 photographs are left out: no photograph of ")
    assert "--images FOLDER" in line
    assert "no photograph" in Path("h.svg").read_text()

    done = descr("search", "a.png", "i.index", "--images", "elsewhere", "-o", "h.svg")
    assert done.code == 0, done.err
    assert "left out" not in done.err
    assert "no photograph" not in Path("h.svg").read_text()


def test_no_photograph_is_overwritten(descr: Any, index: Index, contents: Any) -> None:
    before = contents()
    descr("search", "features/a.png.nc", "i.index", "-o", "a.png").refused("overwrite an input")
    descr("search", "a.png", "i.index", "-o", "h.csv", "-o", "b.png").refused("overwrite an input")
    assert contents() == before


def test_a_sheet_needs_the_photograph_of_the_query(descr: Any, index: Index) -> None:
    Path("a.png").unlink()
    query = "search", "features/a.png.nc", "i.index"
    descr(*query, "-o", "h.png").refused("drawing needs the photographs", "--images FOLDER")
    assert descr(*query, "-o", "h.csv").code == 0


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
        (("a.png", "i.index", "-o", "no/hits.png"), "no"),
        (("a.png", "i.index", "--images", "no", "-o", "h.png"), "--images no: no such folder"),
        (("a.png", "i.index", "--images", ".", "-o", "h.csv"), "no picture is written"),
        (("a.png", "i.index", "--width", "3", "-o", "h.png"), "--width must be"),
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
