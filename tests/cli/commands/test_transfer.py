import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import transfer_keypoints
from descr.descriptors import SIFT

FAST = ("--set", "size=192", "--set", "step=4")
PAIR = ("transfer", "a.png", "b.png", *FAST)
COLUMNS = ["source_x", "source_y", "target_x", "target_y", "score", "round_trip_error"]
EYES = "name,x,y\nleft eye,60,32\nright eye,40,20.5\n"


def read_csv(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def eyes(folder: Path) -> str:
    Path("eyes.csv").write_text(EYES)
    return "eyes.csv"


@pytest.fixture
def expected(folder: Path) -> xr.Dataset:
    maps = SIFT(size=192, step=4)("a.png", "b.png")
    source, target = maps
    return transfer_keypoints({"left eye": (60, 32), "right eye": (40, 20.5)}, source, target)


def test_every_form_holds_what_the_library_finds(
    descr: Any, eyes: str, expected: xr.Dataset
) -> None:
    outputs = [argument for form in ("csv", "json", "nc") for argument in ("-o", f"k.{form}")]
    done = descr(*PAIR, "--points", eyes, *outputs, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document == json.loads(Path("k.json").read_text())
    rows = read_csv("k.csv")
    assert list(rows[0]) == ["name", *COLUMNS]
    for one in (document["matches"], rows):
        assert [row["name"] for row in one] == ["left eye", "right eye"]
        for column in COLUMNS:
            values = [float(row[column]) for row in one]
            np.testing.assert_allclose(values, expected[column].values, atol=1e-3)
    with xr.open_dataset("k.nc") as result:
        xr.testing.assert_allclose(result.load(), expected)
    # b holds at x - 8 what a holds at x.
    np.testing.assert_allclose(expected["target_x"], expected["source_x"] - 8, atol=2)
    assert document["matched"] == 2
    assert document["median_round_trip_error"] == pytest.approx(
        float(expected["round_trip_error"].median()), abs=1e-3
    )
    assert document["source"] == {"path": "a.png", "image": "a.png", "width": 96, "height": 64}


def test_standard_output_is_a_table_with_the_numbers_of_the_drawing(descr: Any, eyes: str) -> None:
    done = descr(*PAIR, "--points", eyes, "--points", "30,30", "-o", "k.png")
    lines = done.out.splitlines()
    assert lines[0].split() == [
        "point", "name", "source", "x,", "y", "target", "x,", "y", "score", "round", "trip",
    ]  # fmt: skip
    assert lines[2].startswith("    1  left eye ")
    assert lines[4].startswith("    3 ")
    assert any(line.split() == ["matched", "3", "(100.0%)"] for line in lines)
    assert all(len(line) <= 80 for line in lines)
    with PIL.Image.open("k.png") as picture:
        assert picture.format == "PNG"
        assert picture.width == pytest.approx(1600, abs=4)


@pytest.mark.parametrize(
    "text",
    [
        '{"left eye": [60, 32], "right eye": [40, 20.5]}',
        '[{"name": "left eye", "x": 60, "y": 32}, {"name": "right eye", "x": 40, "y": 20.5}]',
    ],
)
def test_json_says_the_same_as_csv(descr: Any, eyes: str, text: str) -> None:
    Path("eyes.json").write_text(text)
    documents = [
        json.loads(descr(*PAIR, "--points", name, "--json").out)
        for name in ("eyes.csv", "eyes.json")
    ]
    assert documents[0]["matches"] == documents[1]["matches"]


def test_points_without_names_have_no_column_of_them(descr: Any) -> None:
    done = descr(*PAIR, "--points", "60,32", "-o", "k.csv")
    assert list(read_csv("k.csv")[0]) == COLUMNS
    assert "name" not in done.out.splitlines()[0]
    again = descr(*PAIR, "--points", "k.csv", "-o", "again.csv")
    assert again.code == 0
    assert Path("again.csv").read_text() == Path("k.csv").read_text()


def test_a_point_without_a_match_is_left_empty(descr: Any) -> None:
    # What lies at 2 in a has left b: there is nothing there to go back from.
    points = ("--points", "60,32", "--points", "2,20", "--matcher", "mutual")
    done = descr(*PAIR, *points, "-o", "k.csv", "-o", "k.png", "--json")
    rows = json.loads(done.out)["matches"]
    assert rows[0]["round_trip_error"] is not None
    assert [rows[1][name] for name in COLUMNS[2:]] == [None] * 4
    assert read_csv("k.csv")[1]["target_x"] == ""
    assert "1 point has no match back" in done.err
    assert "no match" in descr(*PAIR, *points).out


def test_masks_and_feature_files_are_taken(descr: Any, eyes: str) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[:, 40:] = 255
    PIL.Image.fromarray(mask).save("right.png")
    masked = descr(*PAIR, "--points", eyes, "--mask-b", "right.png", "--json")
    assert all(row["target_x"] >= 38 for row in json.loads(masked.out)["matches"])
    assert "outside the mask" not in masked.err
    for command in (PAIR, ("match", *PAIR[1:])):
        points = ("--points", "60,32", "--points", "2,20", "--points", "3,3")
        outside = descr(*command, *points, "--mask-a", "right.png")
        assert outside.code == 0
        assert "2 points lie outside the mask of a.png" in outside.err
        assert "no match back" not in outside.err
    assert descr("extract", "a.png", "b.png", "-o", ".", *FAST, "--lossless").code == 0
    files = descr("transfer", "a.png.nc", "b.png.nc", "--points", eyes, "--json")
    images = descr(*PAIR, "--points", eyes, "--json")
    assert json.loads(files.out)["matches"] == json.loads(images.out)["matches"]
    for pair in (("a.png", "b.png", *FAST), ("a.png.nc", "b.png.nc")):
        assert descr("transfer", *pair, "--points", eyes, "-o", f"{pair[0]}.png").code == 0
    assert Path("a.png.png").read_bytes() == Path("a.png.nc.png").read_bytes()
    Path("b.png").unlink()
    drawing = descr("transfer", "a.png.nc", "b.png.nc", "--points", eyes, "-o", "k.png")
    drawing.refused("drawing needs the photographs", "b.png.nc", "write .csv, .json or .nc")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--points"),
        (("--points", "gone.csv"), "no such file: gone.csv"),
        (("--points", "100,3"), "lies outside a.png"),
        (("--points", "3,3", "-o", "k.gif"), "'.gif'"),
        (("--points", "3,3", "--mask-a", "gone.png"), "no such file: gone.png"),
        (("--points", "eyes.csv", "-o", "eyes.csv"), "would overwrite an input"),
        (("--points", "3,3", "--matcher", "soft"), "soft-argmax"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    descr: Any, eyes: str, contents: Any, arguments: tuple[str, ...], says: str
) -> None:
    before = contents()
    descr(*PAIR, "-o", "k.csv", *arguments).refused(says)
    assert contents() == before
