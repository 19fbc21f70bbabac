import csv
import json

import numpy as np
import pytest
import xarray as xr
from descr.applications.search import hit_rows, write_hits
from descr.applications.search.hits import Hit, to_dataset
from descr.descriptors.errors import OptionError

# Twice as large, turned by 90 degrees, reflected, and moved by (100, 50).
REFLECTED = np.array([[0.0, 2.0, 100.0], [2.0, 0.0, 50.0]])
CORNERS = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 4.0], [0.0, 4.0]])
NAME = 'b/"one",\nand \U0001f426.jpg'


@pytest.fixture
def hits() -> xr.Dataset:
    matrices = np.eye(2, 3), REFLECTED
    corners = [CORNERS @ matrix[:, :2].T + matrix[:, 2] for matrix in matrices]
    several = [
        Hit(key, (64, 96), score, 1.0, *one)
        for key, score, *one in zip(
            ("a.jpg", NAME), (0.9876543, 0.5), matrices, corners, strict=True
        )
    ]
    return to_dataset(several, {"query": "a.jpg", "images": 7})


def test_rows_say_where_a_part_lies(hits):
    first, second = hit_rows(hits)

    assert first["score"] == 0.98765
    assert [first[side] for side in ("left", "top", "right", "bottom")] == [0, 0, 10, 4]
    assert second == {
        "image": NAME,
        "x": 104,
        "y": 60,
        "score": 0.5,
        "agreement": 1,
        "scale": 2,
        "angle": 90,
        "reflected": True,
        "left": 100,
        "top": 50,
        "right": 108,
        "bottom": 70,
        "corners": [[100, 50], [100, 70], [108, 70], [108, 50]],
        "width": 96,
        "height": 64,
    }


def test_files_hold_the_rows(tmp_path, hits):
    for name in ("hits.csv", "hits.json", "hits.nc"):
        write_hits(hits, tmp_path / name)

    with (tmp_path / "hits.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == (
        "image,x,y,score,agreement,scale,angle,reflected,left,top,right,bottom"
    )
    assert [row["image"] for row in rows] == ["a.jpg", NAME]
    assert rows[1]["angle"] == "90.0"
    document = json.loads((tmp_path / "hits.json").read_text())
    assert document == {"query": "a.jpg", "images": 7, "hits": hit_rows(hits)}
    with xr.open_dataset(tmp_path / "hits.nc") as dataset:
        xr.testing.assert_equal(dataset.load(), hits)
    with pytest.raises(OptionError, match=r"\.txt"):
        write_hits(hits, tmp_path / "hits.txt")
    write_hits(hits, tmp_path / "hits.json", about={"top": 2})
    assert set(json.loads((tmp_path / "hits.json").read_text())) == {"top", "hits"}


def test_no_hit_is_a_file_too(tmp_path):
    hits = to_dataset([], {"query": "a.jpg"})
    for name in ("hits.csv", "hits.json", "hits.nc"):
        write_hits(hits, tmp_path / name)
    assert (tmp_path / "hits.csv").read_text().count("\n") == 1
    assert hit_rows(hits) == []
