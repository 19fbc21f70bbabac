import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from descr.descriptors import SIFT, Basis, Fused
from descr.descriptors.store import load_features, save_features, save_map


@pytest.fixture
def feature_file(folder: Path) -> Path:
    tree = Fused(SIFT(size=96, scales=(1, 2)), SIFT(size=96, step=4)).extract(["a.png"])[0]
    path = folder / "a.nc"
    save_features(tree, path)
    return path


def test_it_shows_the_image_the_descriptor_and_the_layers(descr: Any, feature_file: Path) -> None:
    done = descr("info", "a.nc")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    facts = dict(line.split(maxsplit=1) for line in lines[: lines.index("")] if line[0] != " ")
    assert facts["image"] == "a.png (96 x 64)"
    assert facts["file"].startswith("a.nc (")
    assert "rounded to 10 bits" in done.out
    assert facts["descriptor"].startswith("Fused(SIFT(")
    assert "sift: opencv-sift, revision 2, in float32" in done.out
    table = {line.split()[0]: line.split() for line in lines[lines.index("") + 3 :]}
    assert list(table) == ["sift/scale_1", "sift/scale_2", "sift_2/scale_1"]
    # 96 x 64 pixels on a canvas of that size: steps of 8 and of 4.
    assert " ".join(table["sift/scale_1"][1:]) == "128 8 x 12 8.0 x 8.0 all 0.5"
    assert " ".join(table["sift_2/scale_1"][1:]) == "128 16 x 24 4.0 x 4.0 all 0.5"
    assert all(len(line) <= 80 for line in lines)


def test_it_shows_the_precision_and_the_variant_of_the_weights(descr: Any, folder: Path) -> None:
    (tree,) = SIFT(size=96).extract(["a.png"])
    tree["sift/scale_1"].attrs["weights_variant"] = "float16"
    save_features(tree, "a.nc")
    shown = " ".join(descr("info", "a.nc").out.split())
    assert "sift: opencv-sift, revision 2, in float32, float16 weights" in shown
    (document,) = json.loads(descr("info", "a.nc", "--json").out)
    assert document["layers"][0]["weights_variant"] == "float16"


def test_json_lists_every_file(descr: Any, feature_file: Path) -> None:
    save_features(SIFT(size=96).extract(["b.png"])[0], "b.nc", lossless=True)
    done = descr("info", "a.nc", "b.nc", "--json")
    first, second = json.loads(done.out)
    assert first["file"] == "a.nc"
    assert first["bytes"] == feature_file.stat().st_size
    assert (first["image"], first["width"], first["height"]) == ("a.png", 96, 64)
    assert first["descr_schema"] == 1
    assert len(first["layers"]) == 3
    layer = second["layers"][0]
    assert (layer["layer"], layer["channels"]) == ("sift/scale_1", 128)
    assert layer["grid"] == [8, 12]
    assert layer["settings"]["step"] == 8
    assert layer["rounded_bits"] is None
    assert first["layers"][0]["rounded_bits"] == 10
    assert (layer["spacing_x"], layer["spacing_y"]) == (8.0, 8.0)


def test_a_bad_file_among_good_ones_prints_nothing(descr: Any, feature_file: Path) -> None:
    Path("bad.nc").write_text("no")
    descr("info", "a.nc", "bad.nc").refused("bad.nc")


def test_numbers_that_json_lacks_are_null(descr: Any, folder: Path) -> None:
    (tree,) = SIFT(size=96).extract([folder / "a.png"])
    tree.attrs["unknown"] = float("nan")
    tree["/sift/scale_1"].attrs["settings"] = '{"a": NaN, "b": [-Infinity]}'
    save_features(tree, "odd.nc")
    done = descr("info", "odd.nc", "--json")
    assert done.code == 0, done.err
    (document,) = json.loads(done.out)
    assert document["unknown"] is None
    assert document["layers"][0]["settings"] == {"a": None, "b": [None]}


def test_a_file_replaces_nothing_that_is_said_of_it(descr: Any, folder: Path) -> None:
    (tree,) = SIFT(size=96).extract([folder / "a.png"])
    tree.attrs |= {"file": "b.nc", "bytes": 1, "layers": "none"}
    save_features(tree, folder / "odd.nc")
    (document,) = json.loads(descr("info", "odd.nc", "--json").out)
    assert document["file"] == "odd.nc"
    assert document["bytes"] == (folder / "odd.nc").stat().st_size
    assert [layer["layer"] for layer in document["layers"]] == ["sift/scale_1"]


def test_maps_and_bases_are_shown_too(descr: Any, folder: Path, feature_file: Path) -> None:
    store = folder / "store"
    store.mkdir()
    shutil.copy(feature_file, store / "a.png.nc")
    assert descr("basis", "fit", "store", "-o", "basis.nc").code == 0
    basis = Basis.load(folder / "basis.nc")
    save_map(basis.transform(load_features(feature_file)), folder / "map.nc")
    of_map, of_basis = json.loads(descr("info", "map.nc", "basis.nc", "--json").out)
    assert of_map["basis"] == of_basis["basis"] == basis.identity
    assert of_map["channels"] == of_basis["channels"] == len(basis.sources)
    assert 0.99 < of_map["lowest_cosine"] < 1
    text = descr("info", "map.nc", "basis.nc").out
    assert "packed to 8 bits" in text
    assert text.count(basis.identity) == 2
