import csv
import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import draw_matches
from descr.applications.exchange import best_spread
from descr.descriptors import SIFT, Fused
from descr.descriptors.store import save_features
from descr.matchers import MutualNearestNeighbor, to_matches
from support import own_classes

FAST = ("--set", "size=192", "--set", "step=4")
PAIR = ("match", "a.png", "b.png", *FAST)
COLUMNS = ["source_x", "source_y", "target_x", "target_y", "score"]


def read_csv(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def expected(folder: Path) -> xr.Dataset:
    source, target = SIFT(size=192, step=4)("a.png", "b.png")
    return to_matches(MutualNearestNeighbor()(source, target))


def test_the_csv_holds_what_the_library_finds(descr: Any, expected: xr.Dataset) -> None:
    done = descr(*PAIR, "-o", "m.csv")
    assert done.code == 0, done.err
    rows = read_csv("m.csv")
    assert list(rows[0]) == COLUMNS
    for column in COLUMNS:
        values = [float(row[column]) for row in rows]
        np.testing.assert_allclose(values, expected[column].values, atol=1e-3)


def test_most_matches_are_where_the_scene_was_shifted_to(descr: Any) -> None:
    document = json.loads(descr(*PAIR, "--json").out)
    inner = [row for row in document["matches"] if 16 < row["source_x"] < 80]
    right = [
        abs(row["source_x"] - 8 - row["target_x"]) < 3
        and abs(row["source_y"] - row["target_y"]) < 3
        for row in inner
    ]
    assert len(right) > 300
    assert np.mean(right) > 0.9


def test_standard_output_is_a_table_and_a_summary(descr: Any) -> None:
    done = descr(*PAIR)
    assert done.code == 0
    assert done.err.startswith("descriptor: sift (embedded, needs no weights")
    assert done.err.count("\n") == 1
    lines = done.out.splitlines()
    assert lines[0].split() == ["source", "x,", "y", "target", "x,", "y", "score"]
    rows = lines[2 : lines.index("")]
    assert len(rows) == 10
    for row in rows:
        assert len([float(cell) for cell in row.replace(",", " ").split()]) == 5
    facts = {line[:14].strip(): line[14:] for line in lines[lines.index("") + 1 :]}
    assert facts["images"] == "a.png (96 x 64) to b.png (96 x 64)"
    assert facts["cells"] == "1,536"
    assert facts["matched"].endswith("%)")
    assert facts["descriptor"].startswith("SIFT(step=4")
    assert all(len(line) <= 80 for line in lines)


def test_the_shown_matches_lie_apart(descr: Any) -> None:
    lines = descr(*PAIR).out.splitlines()
    rows = [
        [float(cell) for cell in line.replace(",", " ").split()]
        for line in lines[2 : lines.index("")]
    ]
    places = [(row[0], row[1]) for row in rows]
    nearest = min(
        math.dist(one, other) for i, one in enumerate(places) for other in places[i + 1 :]
    )
    assert nearest > 8


def test_json_is_one_document_and_nothing_else(descr: Any) -> None:
    done = descr(*PAIR, "--json", "-o", "m.json")
    document = json.loads(done.out)
    written = json.loads(Path("m.json").read_text())
    assert document == written
    assert document["source"] == {"path": "a.png", "image": "a.png", "width": 96, "height": 64}
    assert document["target"]["image"] == "b.png"
    assert document["cells"] == 1536
    assert document["matched"] == len(document["matches"])
    assert document["share"] == pytest.approx(document["matched"] / 1536, abs=1e-4)
    scores = [row["score"] for row in document["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert document["median_score"] == pytest.approx(np.median(scores), abs=2e-5)
    assert list(document["matches"][0]) == COLUMNS
    assert document["descriptor"].startswith("SIFT(")
    assert document["matcher"].startswith("MutualNearestNeighbor(")


def test_the_dataset_is_the_matchers(descr: Any, expected: xr.Dataset) -> None:
    assert descr(*PAIR, "-o", "m.nc").code == 0
    with xr.open_dataset("m.nc") as result:
        assert dict(result.sizes) == {"y": 32, "x": 48}
        assert result["matched"].dtype == bool
        assert result.attrs["source_name"] == "a.png"
        xr.testing.assert_allclose(to_matches(result.load()), expected)


def test_every_output_tells_the_same_after_a_selection(descr: Any) -> None:
    outputs = [argument for name in ("m.csv", "m.json", "m.nc") for argument in ("-o", name)]
    assert descr(*PAIR, "--max-matches", "25", "--min-score", "0.8", *outputs).code == 0
    rows = read_csv("m.csv")
    assert len(rows) == 25
    assert min(float(row["score"]) for row in rows) >= 0.8
    document = json.loads(Path("m.json").read_text())
    assert [str(row["target_x"]) for row in document["matches"]] == [r["target_x"] for r in rows]
    assert document["kept"] == 25
    with xr.open_dataset("m.nc") as result:
        matches = to_matches(result.load())
    np.testing.assert_allclose(
        matches["source_x"], [float(row["source_x"]) for row in rows], atol=1e-3
    )
    assert bool(result["target_x"].isnull().sum() == 1536 - 25)


def test_matched_counts_what_is_not_kept_too(descr: Any) -> None:
    plain = json.loads(descr(*PAIR, "--json").out)
    assert plain["kept"] == plain["matched"] == len(plain["matches"])
    for options in (("--max-matches", "25"), ("--min-score", "0.9")):
        document = json.loads(descr(*PAIR, *options, "--json").out)
        assert document["kept"] == len(document["matches"]) < document["matched"]
        for name in ("matched", "share"):
            assert document[name] == plain[name]
        printed = descr(*PAIR, *options).out
        (line,) = [line for line in printed.splitlines() if line.startswith("matched")]
        assert line.split(maxsplit=1)[1] == (
            f"{plain['matched']:,} ({plain['share']:.1%}), {document['kept']:,} kept"
        )
    assert "kept" not in descr(*PAIR).out


def test_no_match_above_the_least_score_is_an_answer(descr: Any) -> None:
    PIL.Image.fromarray(np.full((64, 96, 3), 90, np.uint8)).save("flat.png")
    done = descr("match", "a.png", "flat.png", *FAST, "--min-score", "1", "--json", "-o", "m.csv")
    document = json.loads(done.out)
    assert document["matches"] == []
    assert document["median_score"] is None
    assert Path("m.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert descr("match", "a.png", "flat.png", *FAST, "--min-score", "1").code == 0


def test_points_are_answered_in_the_order_given(descr: Any) -> None:
    points = ("--points", "60,32", "--points", "30.5,20.25", "--points", "2,20")
    done = descr(*PAIR, *points, "--json", "-o", "m.csv")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["points"] == 3
    rows = document["matches"]
    assert [(row["source_x"], row["source_y"]) for row in rows] == [
        (60, 32),
        (30.5, 20.25),
        (2, 20),
    ]
    assert abs(rows[0]["target_x"] - 52) < 3
    assert abs(rows[0]["target_y"] - 32) < 3
    # What lies at 2 in a has left b: there is nothing there to go back from.
    assert rows[2]["target_x"] is None
    assert rows[2]["target_y"] is None
    assert rows[2]["score"] is None
    written = read_csv("m.csv")
    message = "1 point has no match back; --matcher nearest or soft-argmax always answers"
    assert done.err.splitlines()[1:] == [message]
    assert descr(*PAIR, *points, "--matcher", "nearest").err.count("\n") == 1
    assert descr(*PAIR, *points[:2], "--min-score", "1").err.count("\n") == 1
    assert (written[2]["target_x"], written[2]["score"]) == ("", "")
    assert written[2]["source_x"] == "2.0"
    table = descr(*PAIR, *points).out.splitlines()
    assert "no match" in table[4]


def test_named_points_of_a_file_keep_their_names(descr: Any) -> None:
    Path("points.csv").write_text("name,x,y\nleft eye,60,32\n,20,20\n")
    done = descr(*PAIR, "--points", "points.csv", "--matcher", "nearest", "-o", "m.csv", "--json")
    rows = json.loads(done.out)["matches"]
    assert [row["name"] for row in rows] == ["left eye", ""]
    assert list(read_csv("m.csv")[0]) == ["name", *COLUMNS]
    assert "left eye" in descr(*PAIR, "--points", "points.csv").out


def test_a_written_table_can_be_asked_for_again(descr: Any) -> None:
    assert descr(*PAIR, "--max-matches", "5", "-o", "m.csv").code == 0
    done = descr(*PAIR, "--points", "m.csv", "--matcher", "nearest", "--json")
    again = json.loads(done.out)["matches"]
    assert [row["target_x"] for row in again] == [
        float(row["target_x"]) for row in read_csv("m.csv")
    ]


def test_masks_bound_where_from_and_where_to(descr: Any) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[:, 48:] = 255
    PIL.Image.fromarray(mask).save("right.png")
    document = json.loads(descr(*PAIR, "--mask-a", "right.png", "--json").out)
    assert min(row["source_x"] for row in document["matches"]) >= 47.5
    assert document["cells"] == 768
    document = json.loads(descr(*PAIR, "--mask-b", "right.png", "--json").out)
    assert min(row["target_x"] for row in document["matches"]) >= 47.5


def test_matchers_and_their_options_are_passed_on(descr: Any) -> None:
    done = descr(
        *PAIR, "--matcher", "soft-argmax", "--matcher-set", "window=3", "--device", "cpu", "--json"
    )
    document = json.loads(done.out)
    assert document["matcher"].startswith("SoftArgmax(")
    assert "window=3" in document["matcher"]
    assert document["matched"] == document["cells"]


@pytest.mark.parametrize("wanted", ["scales=1,2", "scales=[1, 2]", "scales=(1,2)"])
def test_lists_can_be_given_as_settings(descr: Any, wanted: str) -> None:
    done = descr("match", "a.png", "b.png", "--set", "size=96", "--set", wanted, "--json")
    assert "scales=(1.0, 2.0)" in json.loads(done.out)["descriptor"]


def test_a_drawing_is_written(descr: Any) -> None:
    assert descr(*PAIR, "-o", "m.png").code == 0
    with PIL.Image.open("m.png") as picture:
        assert picture.format == "PNG"
        assert picture.mode == "RGB"
        assert picture.width == pytest.approx(1600, abs=4)


def test_a_drawing_is_that_of_the_library(descr: Any) -> None:
    PIL.Image.fromarray(np.pad(np.full((64, 48), 255, np.uint8), ((0, 0), (0, 48)))).save("l.png")
    options = ("--width", "500", "--layout", "stacked", "--color", "score", "--opacity", "0.4")
    done = descr(*PAIR, *options, "--mask-a", "l.png", "-o", "m.png", "-o", "m.csv")
    assert done.code == 0
    best = np.genfromtxt("m.csv", delimiter=",", names=True)
    matches = xr.Dataset({name: ("match", best[name]) for name in best.dtype.names})
    expected = draw_matches(
        "a.png",
        "b.png",
        best_spread(matches, 60),
        width=500,
        layout="stacked",
        color="score",
        opacity=0.4,
        masks=("l.png", None),
        titles=True,
    )
    with PIL.Image.open("m.png") as picture:
        assert picture.size == expected.shape[1::-1]
        difference = np.abs(np.asarray(picture).astype(int) - expected)
    # A CSV file holds coordinates to a few digits.
    assert np.quantile(difference, 0.99) <= 1


@pytest.mark.parametrize(
    ("options", "kinds", "words"),
    [
        (("--color", "verified", "--rejected"), {"#56b4e9", "#d55e00"}, ["verified", "rejected"]),
        (("--color", "verified"), {"#56b4e9"}, ["verified"]),
        (("--rejected",), {"#5a5a5a", "others"}, []),
        (("--color", "score"), {"others"}, ["score "]),
    ],
)
def test_lines_tell_what_the_verifier_says_or_the_score(
    descr: Any, options: tuple[str, ...], kinds: set[str], words: list[str]
) -> None:
    verify = ("--verify", "homography", "--verify-set", "threshold=1", "--no-titles")
    done = descr(*PAIR, *verify, *options, "-o", "m.svg", "--json")
    assert done.code == 0, done.err
    verification = json.loads(done.out)["verification"]
    svg = "{http://www.w3.org/2000/svg}"
    root = ElementTree.parse("m.svg")
    lines = [one.attrib for one in root.iter(f"{svg}line") if one.attrib["stroke-opacity"] != "1"]
    colors = Counter(one["stroke"] for one in lines)
    # Each has a dark edge.
    drawn = colors.pop("#000000")
    assert drawn == sum(colors.values())
    named = {"#56b4e9", "#d55e00", "#5a5a5a"}
    assert {one if one in named else "others" for one in colors} == kinds
    rejected = verification["matches"] - verification["inliers"]
    assert rejected > 0
    both = min(verification["inliers"], 60) + ("--rejected" in options) * min(rejected, 60)
    assert drawn == both
    texts = [one.text or "" for one in root.iter(f"{svg}text")]
    assert [text for text in texts if text.startswith(tuple(words))] == texts[: len(words)]
    assert len(texts) == len(words) + ("score" in options)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--width", "10"), "--width must be from 64 to 20000 pixels, not 10"),
        (("--opacity", "1.2"), "--opacity must be from 0 to 1, not 1.2"),
        (("--color", "pink"), "--color must be one of position, score, verified, not 'pink'"),
        (("--color", "verified"), "--color verified needs --verify"),
        (("--points", "9,9", "--color", "score"), "--color is of lines"),
        (("--points", "9,9", "--opacity", "0.2"), "--opacity is of lines"),
        (("--layout", "round"), "--layout must be one of auto, beside, stacked, not 'round'"),
    ],
)
def test_drawings_refuse_what_is_out_of_range(descr: Any, options: Any, fault: str) -> None:
    descr(*PAIR, *options, "-o", "m.png").refused(fault)


def test_every_point_is_drawn_and_numbered_with_or_without_a_match(descr: Any) -> None:
    """A ring in the source alone where a point has no match, and its name below."""
    Path("points.csv").write_text("name,x,y\nleft eye,60,32\nno match,2,20\n")
    points = ("--points", "points.csv")
    done = descr(*PAIR, *points, "-o", "m.png", "--no-titles")
    table = [line.split() for line in done.out.splitlines()[:4]]
    assert (table[0][0], table[2][0], table[3][0]) == ("point", "1", "2")
    assert table[3][-2:] == ["no", "match"]
    picture = np.asarray(PIL.Image.open("m.png")).astype(int)
    descr(*PAIR, "--min-score", "1", "-o", "bare.png", "--no-titles")
    bare = np.asarray(PIL.Image.open("bare.png")).astype(int)
    scale = bare.shape[0] / 64
    left = bare.shape[1] - 96 * scale

    def drawn(x: float, y: float, *, begin: float = 0) -> np.ndarray:
        """What was drawn within 3 pixels of a place of the photograph."""
        rows, columns = (
            slice(round((value - 2.5) * scale), round((value + 3.5) * scale)) for value in (y, x)
        )
        columns = slice(columns.start + round(begin), columns.stop + round(begin))
        part, empty = picture[rows, columns], bare[rows, columns]
        return part[np.abs(part - empty).max(axis=-1) > 40]

    ring, dot = drawn(5, 20), drawn(60, 32)
    assert len(ring) > 20
    assert (np.abs(ring - 176).max(axis=-1) < 8).any()
    assert (np.ptp(dot, axis=-1) > 60).any()
    assert len(drawn(52, 32, begin=left)) > 20
    assert np.isin(picture[: len(bare), round(left) :], 176).all(axis=-1).sum() < 20
    # The names stand below.
    strip = picture[len(bare) :]
    assert (strip < 90).all(axis=-1).sum() > 100
    assert (strip == 176).all(axis=-1).any()


def test_feature_files_take_the_place_of_images(descr: Any) -> None:
    assert descr("extract", "a.png", "b.png", "-o", ".", *FAST, "--lossless").code == 0
    from_images = json.loads(descr(*PAIR, "--json").out)
    for pair in (("a.png.nc", "b.png.nc"), ("a.png.nc", "b.png"), ("a.png", "b.png.nc")):
        done = descr("match", *pair, "--json")
        assert done.code == 0, done.err
        document = json.loads(done.out)
        assert document["matches"] == from_images["matches"]
        assert document["source"]["image"] == "a.png"
    assert "descriptor: " not in descr("match", "a.png.nc", "b.png.nc").err


def test_a_photograph_takes_the_recipe_of_the_file(descr: Any) -> None:
    assert descr("extract", "a.png", "-o", ".", *FAST).code == 0
    done = descr("match", "a.png.nc", "b.png")
    assert done.code == 0, done.err
    assert done.err == "descriptor: sift (the recipe of a.png.nc)\n"
    assert "SIFT(step=4, cell=8.0, scales=(1.0,), size=192" in done.out
    # What is asked for by name is taken, and goes with the file.
    done = descr("match", "a.png.nc", "b.png", "--descriptor", "sift", *FAST)
    assert done.err == "descriptor: sift\n"
    done = descr("show", "a.png.nc", "b.png", "--device", "cpu", "-o", "s.png")
    done.refused("--device: neither")


def test_the_parts_of_a_fusion_are_those_of_the_file(
    descr: Any, write_class: Callable[..., Any]
) -> None:
    network = write_class("fused_with_sift", own_classes.NETWORK.format(by=1), "Network")
    fused = Fused(SIFT(size=96, step=4), network(size=80), weights=(0.3, 0.7))
    for tree, name in zip(fused.extract(["a.png", "b.png"]), ("a.nc", "b.nc"), strict=True):
        save_features(tree, name, lossless=True)
    done = descr("match", "a.nc", "b.png", "--json")
    assert done.err == "descriptor: sift + fused_with_sift:Network (the recipe of a.nc)\n"
    expected = descr("match", "a.nc", "b.nc", "--json")
    assert json.loads(done.out)["matches"] == json.loads(expected.out)["matches"]


def test_files_of_two_descriptors_cannot_be_compared(folder: Path, descr: Any) -> None:
    save_features(SIFT(size=96).extract(["a.png"])[0], "a.nc")
    save_features(SIFT(size=96, step=4).extract(["b.png"])[0], "b.nc")
    descr("match", "a.nc", "b.nc").refused("step", "can't be compared")


def test_a_descriptor_of_the_user_is_found_in_the_working_folder(descr: Any) -> None:
    Path("colours_of_a_user.py").write_text(
        "import torch\n"
        "from descr.descriptors import Backbone, Layer\n"
        "class Colours(Backbone):\n"
        "    layers = (Layer('mean', stride=8),)\n"
        "    def forward(self, pixels):\n"
        "        return {'mean': torch.nn.functional.avg_pool2d(pixels, 8) - 0.5}\n"
    )
    done = descr(
        "match", "a.png", "b.png", "--descriptor", "colours_of_a_user:Colours", "--set", "size=96"
    )
    assert done.code == 0, done.err
    assert done.err == "descriptor: colours_of_a_user:Colours\n"
    assert "Colours(size=96" in done.out


def keep_sift(image: str, **changes: str) -> str:
    """The features of an image in a file that says of its layer what `changes` say."""
    (tree,) = SIFT(size=96).extract([image])
    attributes = tree["sift/scale_1"].attrs
    attributes |= changes
    for name in [name for name, value in attributes.items() if not value]:
        del attributes[name]
    save_features(tree, f"{image}.nc")
    return f"{image}.nc"


@pytest.mark.parametrize(
    ("changes", "ways"),
    [
        ({"precision": "float16"}, ("in float16", "in float32")),
        ({"precision": "float32"}, None),
        ({"precision": ""}, None),
        ({"weights_variant": "float16"}, None),
    ],
)
@pytest.mark.parametrize("other", ["b.png", "b.png.nc"])
def test_features_of_unlike_precision_are_compared_and_that_is_said(
    descr: Any, changes: dict[str, str], ways: tuple[str, str] | None, other: str
) -> None:
    keep_sift("a.png", **changes)
    keep_sift("b.png")
    done = descr("match", "a.png.nc", other)
    assert done.code == 0
    notes = [line for line in done.err.splitlines() if not line.startswith("descriptor: ")]
    expected = ways and [f"note: a.png.nc is computed {ways[0]}, {other} {ways[1]}"]
    assert notes == (expected or [])


def test_the_variant_of_the_weights_is_said_with_the_precision(descr: Any) -> None:
    first = keep_sift("a.png", weights_variant="float16")
    second = keep_sift("b.png", weights_variant="float32", precision="float16")
    done = descr("show", first, first, second, "-o", "pca.png")
    expected = f"{first} is computed in float32 with float16 weights, {second} in float16 with"
    assert done.err == f"note: {expected} float32 weights\n"
