import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descr.descriptors import Basis, FeatureStore, combine, load_features

FAST = ("--set", "size=96")


@pytest.fixture
def basis(descr: Any) -> str:
    """A basis of the two images, in a file."""
    descr("extract", "a.png", "b.png", "-o", "f", *FAST)
    done = descr("basis", "fit", "f", "-o", "birds.nc", "--components", "16", "--json")
    assert done.code == 0
    document = json.loads(done.out)
    assert document["images"] == 2
    assert document["layers"] == {"sift/scale_1": 16}
    assert document["identity"] == Basis.load("birds.nc").identity
    return "birds.nc"


def test_a_basis_is_that_of_the_files(descr: Any, basis: str) -> None:
    trees = [load_features(f"f/{name}.png.nc") for name in "ab"]
    assert Basis.load(basis).identity == Basis.fit(trees, components=16).identity
    done = descr("basis", "fit", "f", "-o", "some.nc", "--components", "8", "--cells", "20")
    assert done.code == 0
    assert "channels  8" in done.out
    assert Basis.load("some.nc").identity != Basis.load(basis).identity


@pytest.mark.parametrize("inputs", [("a.png", "b.png"), ("f/a.png.nc", "b.png")])
def test_matches_are_those_of_maps_in_the_basis(
    descr: Any, basis: str, inputs: tuple[str, str]
) -> None:
    how = FAST if inputs[0] == "a.png" else ()
    done = descr("match", *inputs, "--basis", basis, *how, "--json")
    assert done.code == 0
    without = descr("match", *inputs, *how, "--json")
    assert json.loads(done.out)["matches"] != json.loads(without.out)["matches"]


@pytest.mark.parametrize(
    "command",
    [
        ("transfer", "a.png", "b.png", "--points", "20,20", "-o", "t.json"),
        ("flow", "a.png", "b.png", "-o", "flow.flo"),
        ("show", "a.png", "b.png", "-o", "pca.png"),
        ("show", "a.png", "b.png", "--as", "map", "-o", "map.png"),
    ],
)
def test_every_command_that_combines_takes_it(
    descr: Any, basis: str, command: tuple[str, ...]
) -> None:
    assert descr(*command, "--basis", basis, *FAST).code == 0
    assert Path(command[-1]).is_file()


def test_maps_of_a_basis_are_kept_in_place_of_trees(descr: Any, basis: str) -> None:
    extract = ("extract", "a.png", "b.png", "-o", "maps", "--basis", basis, *FAST)
    done = descr(*extract)
    assert done.out.startswith("maps: 2 extracted (")
    assert re.search(r"packing to 8 bits turns no cell by more than \d\.\d\d degrees", done.out)
    assert descr(*extract).out.startswith("maps: 2 kept (")
    document = json.loads(descr(*extract, "--json").out)
    assert 0.99 < document["lowest_cosine"] < 1
    store = FeatureStore("maps", basis=Basis.load(basis))
    exact = combine([load_features("f/a.png.nc")], basis=Basis.load(basis))[0]
    assert float((store["a.png"] * exact).sum("channel").min()) > 0.99
    assert np.allclose(np.linalg.norm(store["a.png"], axis=0), 1, atol=1e-5)


@pytest.mark.parametrize(
    "command",
    [
        ("match",),
        ("transfer", "--points", "20,20"),
        ("flow", "--grid", "cells"),
        ("swap", "--whole", "-o", "swap.png"),
    ],
)
def test_maps_of_one_basis_are_matched_as_they_are(
    descr: Any, basis: str, command: tuple[str, ...]
) -> None:
    descr("extract", "a.png", "b.png", "-o", "maps", "--basis", basis, *FAST, "--lossless")
    name, *options = command
    kept = descr(name, "maps/a.png.nc", "maps/b.png.nc", *options, "--images", ".", "--json")
    assert kept.code == 0, kept.err
    combined = descr(name, "a.png", "b.png", *options, "--basis", basis, *FAST, "--json")
    document, expected = json.loads(kept.out), json.loads(combined.out)
    for numbers in (document, expected):
        for side in ("source", "target"):
            del numbers[side]["path"]
        del numbers["seconds"]
    # Rounding decides on the order of matches whose scores are equal.
    ours, theirs = (
        sorted(one.pop("matches", ()), key=lambda row: (row["source_y"], row["source_x"]))
        for one in (document, expected)
    )
    for row, other in zip(ours, theirs, strict=True):
        assert row == pytest.approx(other, abs=1e-4)
    assert document == expected


def test_maps_are_refused_beside_what_does_not_go_with_them(descr: Any, basis: str) -> None:
    descr("basis", "fit", "f", "-o", "other.nc", "--components", "8")
    for name in (basis, "other.nc"):
        descr("extract", "a.png", "b.png", "-o", name[:-3], "--basis", name, *FAST)
    a, b = "birds/a.png.nc", "birds/b.png.nc"
    descr("match", a, "b.png").refused(f"{a} is a feature map, and b.png is not")
    descr("match", "f/a.png.nc", b).refused(f"{b} is a feature map, and f/a.png.nc is not")
    descr("match", a, b, "--basis", basis).refused("--basis has nothing to do")
    descr("match", a, b, "--set", "step=4").refused("have nothing to do: both inputs are")
    descr("match", a, "other/b.png.nc").refused("have different bases")
    descr("match", basis, b).refused("birds.nc: is a basis, not a feature file")
    descr("show", a, "-o", "x.png").refused("a picture is made of whole features")


def test_what_is_wrong_is_one_line(descr: Any, basis: str) -> None:
    Path("empty").mkdir()
    match = ("match", "a.png", "b.png")
    descr("basis", "fit", "gone", "-o", "x.nc").refused("gone is not a folder")
    descr("basis", "fit", "empty", "-o", "x.nc").refused("empty holds no feature file")
    descr("basis", "fit", "f", "-o", "x.png").refused("means nothing", "use one of .nc (basis)")
    descr("basis", "fit", "f", "-o", "x.nc", "--components", "0").refused("components must be")
    descr(*match, "--basis", "gone.nc").refused("no such file: gone.nc")
    descr(*match, "--basis", basis, "-o", basis).refused(f"{basis} would overwrite an input")
    descr(*match, "--basis", "f/a.png.nc").refused("not a basis")
    descr(*match, "--basis", basis, "--set", "step=4").refused("can't be compared: sift/scale_1")
    descr("show", "a.png", "b.png", "--as", "layers", "--basis", basis, "-o", "x.png").refused(
        "--basis has nothing to do with --as layers"
    )
    assert not Path("x.nc").exists()


def test_extraction_says_what_it_would_do_and_stops_where_it_must(descr: Any) -> None:
    Path("text.jpg").write_text("no photograph")
    done = descr("extract", "a.png", "b.png", "-o", "f", *FAST, "--dry-run")
    assert done.out == "f: would be 2 extracted\n"
    assert not Path("f").exists()
    done = descr("extract", "text.jpg", "a.png", "-o", "f", *FAST, "--strict")
    done.refused("text.jpg is not an image")
    descr("extract", "a.png", "-o", "f", *FAST)
    data = Path("f/a.png.nc").read_bytes()
    done = descr("extract", "a.png", "-o", "f", *FAST, "--verify")
    assert done.out.startswith("f: 1 kept")
    assert Path("f/a.png.nc").read_bytes() == data
