import errno
import json
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pytest
from descr.applications import draw_pca, draw_similarity
from descr.applications.pictures import files
from descr.cli.options import comparison
from descr.descriptors import SIFT, Fused
from descr.descriptors.store import save_features

SVG_TEXT = "{http://www.w3.org/2000/svg}text"
FAST = ("--set", "size=96", "--set", "step=8")
SHOW = ("show", "a.png", "b.png", *FAST, "--width", "400")


def describe() -> SIFT:
    return SIFT(size=96, step=8)


def picture(path: str) -> np.ndarray:
    with PIL.Image.open(path) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def test_components_are_what_the_library_draws(descr: Any) -> None:
    done = descr(*SHOW, "-o", "x.png")
    assert done.code == 0, done.err
    expected = draw_pca(["a.png", "b.png"], describe(), width=400, titles=True)
    np.testing.assert_array_equal(picture("x.png"), expected)
    assert done.err.startswith("descriptor: sift")
    facts = {line[:20].strip(): line[20:] for line in done.out.splitlines()}
    assert facts["images"].startswith("a.png (96 x 64), b.png")
    assert facts["components"] == "1 red, 2 green, 3 blue"
    assert facts["variance explained"].count("%") == 3
    assert facts["picture"] == f"{expected.shape[1]} x {expected.shape[0]}"
    assert facts["written"] == "x.png"


def test_similarity_is_what_the_library_draws(descr: Any) -> None:
    points = ("--point", "20,30", "--point", "60,10")
    done = descr(*SHOW, "--as", "similarity", *points, "--opacity", "0.5", "-o", "x.png", "--json")
    assert done.code == 0, done.err
    options = {"width": 400, "opacity": 0.5, "titles": True}
    at = [(20.0, 30.0), (60.0, 10.0)]
    expected = draw_similarity(["a.png", "b.png"], at, describe(), **options)
    np.testing.assert_array_equal(picture("x.png"), expected)
    document = json.loads(done.out)
    assert document["points"] == [{"x": 20, "y": 30}, {"x": 60, "y": 10}]
    assert len(document["best"][0]) == 2
    assert document["best"][0][0].keys() == {"x", "y", "score"}
    outside = descr(*SHOW, "--as", "similarity", "--point", "96,3", "-o", "y.png")
    outside.refused("--point 96,3: the point lies outside a.png, which is 96 x 64 pixels")


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("pca", ["a.png", "b.png"]),
        ("clusters", ["a.png", "b.png"]),
        ("layers", ["a.png", "b.png"]),
        ("map", ["source: a.png", "target: b.png"]),
        ("similarity", ["source: a.png", "target: b.png"]),
        ("compare", ["source: a.png, target: b.png"]),
    ],
)
def test_titles_name_the_images_of_every_kind(descr: Any, kind: str, titles: list[str]) -> None:
    options = ("--as", kind, *(("--point", "20,30") if kind == "similarity" else ()), "-o", "x.svg")

    def names() -> list[str]:
        texts = [one.text or "" for one in ElementTree.parse("x.svg").iter(SVG_TEXT)]
        return [text for text in texts if ".png" in text]

    assert descr(*SHOW, *options).code == 0
    assert names() == titles
    assert descr(*SHOW, *options, "--no-titles").code == 0
    assert names() == []


@pytest.mark.parametrize("kind", ["map", "clusters"])
def test_colours_of_no_opacity_leave_the_photograph(descr: Any, kind: str) -> None:
    pictures = []
    for opacity in ("0", "1"):
        done = descr(*SHOW, "--as", kind, "--opacity", opacity, "--no-titles", "-o", "x.png")
        assert done.code == 0, done.err
        pictures.append(picture("x.png").astype(int))
    colourful = [np.mean(np.ptp(one[len(one) * 2 // 3 : -40], axis=-1) > 40) for one in pictures]
    assert colourful[0] < 0.1
    assert colourful[1] > 0.5


def test_vector_files_hold_the_letters(descr: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = descr(*SHOW, "--as", "map", "-o", "x.svg")
    assert done.code == 0, done.err
    texts = [one.text for one in ElementTree.parse("x.svg").iter() if one.tag.endswith("text")]
    assert texts == ["source: a.png", "target: b.png"]
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    refused = descr(*SHOW, "-o", "x.pdf")
    refused.refused("a PDF file needs matplotlib", "descr-sdk[figures]")


@pytest.mark.parametrize("kind", ["pca", "clusters", "map", "layers", "compare"])
def test_every_kind_is_one_picture_and_one_document(descr: Any, kind: str) -> None:
    done = descr(*SHOW, "--as", kind, "-o", "x.png", "-o", "x.jpg", "-o", "x.webp", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["as"] == kind
    assert document["images"][0] == {"path": "a.png", "image": "a.png", "width": 96, "height": 64}
    assert document["descriptor"].startswith("SIFT(")
    assert document["written"] == ["x.png", "x.jpg", "x.webp"]
    pixels = picture("x.png")
    size = {"width": pixels.shape[1], "height": pixels.shape[0]}
    assert document["picture"] == size
    for other in ("x.jpg", "x.webp"):
        difference = np.abs(picture(other).astype(int) - pixels)
        assert difference.mean() < 12
    plain = descr(*SHOW, "--as", kind, "-o", "y.png")
    assert plain.code == 0
    np.testing.assert_array_equal(picture("y.png"), pixels)


def test_the_document_says_what_is_shown(descr: Any) -> None:
    def shown(*options: str) -> Any:
        return json.loads(descr(*SHOW, *options, "-o", "x.png", "--json").out)

    document = shown("--components", "3,1,2")
    assert document["components"] == [3, 1, 2]
    red, green, blue = document["explained_variance"]
    assert green > blue > red > 0
    document = shown("--as", "clusters", "--clusters", "4")
    assert document["clusters"] == 4
    assert document["similarity"][0] == [1.0] * 4
    assert len(document["similarity"][1]) == 4
    document = shown("--as", "map")
    assert document["matched"] == 1
    assert document["matcher"].startswith("NearestNeighbor(")
    document = shown("--as", "map", "--matcher", "mutual", "--matcher-set", "tolerance=1")
    assert 0 < document["matched"] < 1
    assert "tolerance=1" in document["matcher"]
    (layer,) = shown("--as", "layers")["layers"]
    assert layer["layer"] == "sift/scale_1"
    assert layer["channels"] == 128
    assert layer["grids"] == [[8, 12], [8, 12]]
    assert shown("--as", "compare")["compared"] == ["sift"]


def test_a_fused_descriptor_is_compared_part_by_part(descr: Any) -> None:
    Path("two_of_a_user.py").write_text(
        "from descr.descriptors import SIFT, Fused\n"
        "class Two(Fused):\n"
        "    def __init__(self):\n"
        "        super().__init__(SIFT(size=96, step=8), SIFT(size=96, step=12))\n"
    )
    values = ("show", "a.png", "b.png", "--descriptor", "two_of_a_user:Two", "--width", "600")
    done = descr(*values, "--as", "compare", "-o", "x.png", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["compared"] == ["sift", "sift_2", "fused"]
    assert "one source" not in done.err
    assert "one source" in descr(*SHOW, "--as", "compare", "-o", "y.png").err
    done = descr(*values, "--as", "layers", "-o", "y.png")
    assert "sift_2/scale_1" in done.out


def test_one_image_and_many(descr: Any) -> None:
    assert descr("show", "a.png", *FAST, "-o", "one.png").code == 0
    many = ["a.png", "b.png"] * 4
    done = descr("show", *many, *FAST, "--as", "clusters", "--width", "500", "-o", "many.png")
    assert done.code == 0, done.err
    assert picture("many.png").shape[1] == pytest.approx(500, abs=8)


@pytest.mark.parametrize("kind", ["pca", "clusters", "map", "layers", "compare"])
@pytest.mark.parametrize("files", [False, True])
def test_what_is_not_held_is_shown_as_what_is(
    descr: Any, monkeypatch: pytest.MonkeyPatch, kind: str, files: bool
) -> None:
    images = ["a.png", "b.png"] * (3 if kind in ("pca", "clusters") else 1)
    if files:
        descr("extract", "a.png", "b.png", "-o", "f", *FAST, "--lossless")
        images[0] = "f/a.png.nc"
    shown = ("show", *images, *FAST, "--as", kind, "--width", "400", "-o")
    if files:
        shown = tuple(one for one in shown if one not in FAST)
    assert descr(*shown, "held.png").code == 0
    extracted: list[int] = []
    extract = SIFT.extract
    monkeypatch.setattr(
        SIFT, "extract", lambda self, one: extracted.append(len(one)) or extract(self, one)
    )
    monkeypatch.setattr(comparison, "_ROOM", 1)
    done = descr(*shown, "read.png")
    assert done.code == 0, done.err
    assert sum(extracted) == len(images) - files
    np.testing.assert_array_equal(picture("read.png"), picture("held.png"))


def test_features_that_there_is_no_place_for_are_an_error(
    descr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(comparison, "_ROOM", 1)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    done = descr(*SHOW, "-o", "x.png")
    done.refused("no place for the features of 2 images: No space left on device", "TMPDIR")
    assert not Path("x.png").exists()


def test_an_image_that_changes_while_it_is_shown_is_an_error(
    descr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.py").write_text(
        "import PIL.Image\n"
        "from descr.descriptors import SIFT\n"
        "class Shrinking(SIFT):\n"
        "    def extract(self, images):\n"
        "        PIL.Image.new('RGB', (20, 20)).save('b.png')\n"
        "        return super().extract(images)\n"
    )
    monkeypatch.setattr(comparison, "_ROOM", 1)
    done = descr("show", "a.png", "b.png", "--descriptor", "mine:Shrinking", "-o", "x.png")
    done.refused("b.png has changed meanwhile", "run it again")


def test_masks_are_given_in_the_order_of_the_images(descr: Any) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[:, :48] = 255
    PIL.Image.fromarray(mask).save("left.png")
    for kind in ("pca", "clusters", "map", "layers", "compare"):
        done = descr(*SHOW, "--as", kind, "--mask", "-", "--mask", "left.png", "-o", f"{kind}.png")
        assert done.code == 0, done.err
    expected = draw_pca(["a.png", "b.png"], describe(), masks=[None, mask], width=400, titles=True)
    np.testing.assert_array_equal(picture("pca.png"), expected)
    assert descr(*SHOW, "--auto-mask", "-o", "auto.png").code == 0


def test_feature_files_show_their_photographs(descr: Any) -> None:
    descr("extract", "a.png", "b.png", "-o", "f", *FAST, "--lossless")
    for kind in ("pca", "clusters", "map", "layers", "compare"):
        options = ("--as", kind, "--width", "400", "-o")
        assert descr("show", "a.png", "b.png", *FAST, *options, "images.png").code == 0
        done = descr("show", "f/a.png.nc", "f/b.png.nc", *options, "files.png")
        assert done.code == 0, done.err
        np.testing.assert_array_equal(picture("files.png"), picture("images.png"))


def test_feature_files_show_their_features_alone(descr: Any) -> None:
    trees = describe().extract(["a.png", "b.png"])
    for tree, name in zip(trees, ("a.nc", "b.nc"), strict=True):
        save_features(tree, name, lossless=True)
    Path("a.png").rename("moved.png")
    says = "the photographs are left out: no photograph of a.nc at a, a.png; name the folder that "
    for kind in ("pca", "clusters", "map", "layers"):
        options = ("--as", kind, "--width", "400", "--no-titles", "-o", f"{kind}.png")
        done = descr("show", "a.nc", "b.nc", *options)
        assert done.code == 0, done.err
        assert done.err == f"{says}holds it with --images FOLDER\n"
    alone = draw_pca(describe()("moved.png", "b.png"), width=400)
    np.testing.assert_array_equal(picture("pca.png"), alone)
    done = descr("show", "a.nc", "b.png", *FAST, "--width", "400", "--no-titles", "-o", "mixed.png")
    assert done.code == 0, done.err
    assert says in done.err
    np.testing.assert_array_equal(picture("mixed.png"), alone)


def test_compare_needs_the_photographs(descr: Any, contents: Any) -> None:
    trees = Fused(describe(), SIFT(size=96, step=12)).extract(["a.png"])
    save_features(trees[0], "a.nc")
    Path("a.png").unlink()
    before = contents()
    done = descr("show", "a.nc", "b.png", "--as", "compare", "-o", "x.png")
    done.refused("--as compare needs the photographs", "a.nc")
    assert contents() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("a.png", "--as", "map"), ("--as map needs two images, not 1",)),
        (("a.png", "b.png", "b.png", "--as", "compare"), ("needs two images, not 3",)),
        (("a.png", "--as", "paint"), ("'paint'", "pca", "compare")),
        (("a.png", "--clusters", "4"), ("--clusters has nothing to do with --as pca",)),
        (("a.png", "b.png", "--as", "map", "--components", "1,2,3"), ("--components", "map")),
        (("a.png", "--matcher", "mutual"), ("--matcher has nothing to do with --as pca",)),
        (("a.png", "b.png", "--as", "map", "--matcher-set", "tolerance=1"), ("--matcher",)),
        (("a.png", "--as", "clusters", "--clusters", "13"), ("from 2 to 12, not 13",)),
        (("a.png", "--as", "clusters", "--clusters", "1"), ("from 2 to 12, not 1",)),
        (("a.png", "--components", "1,2"), ("three numbers", "'1,2'")),
        (("a.png", "--components", "0,1,2"), ("three numbers",)),
        (("a.png", "--components", "1,2,9999"), ("three numbers from 1 to 4096",)),
        (("a.png", "--as", "all"), ("--as must be one of pca, clusters,", "not 'all'")),
        (("a.png", "--point", "1,2"), ("--point has nothing to do with --as pca",)),
        (("a.png", "--opacity", "1"), ("--opacity has nothing to do with --as pca",)),
        (("a.png", "--as", "similarity"), ("--as similarity needs --point",)),
        (("a.png", "--as", "similarity", "--point", "1"), ("--point: no such file: 1",)),
        (("a.png", "--width", "10"), ("--width must be from 64 to 20000",)),
        (("gone.png",), ("no such file: gone.png",)),
        (("a.png", "b.png", "--mask", "a.png"), ("1 time for 2 images",)),
        (("a.png", "--mask", "a.png", "--auto-mask"), ("exclude each other",)),
        (("a.png", "--mask", "gone.png"), ("no such file: gone.png",)),
    ],
)
def test_wrong_options_are_refused_before_the_library_loads(
    descr: Any,
    contents: Any,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    def load() -> None:
        raise AssertionError("the library is loaded")

    monkeypatch.setattr("descr.cli.options.command.load_library", load)
    before = contents()
    descr("show", *options, "-o", "x.png").refused(*words)
    assert contents() == before


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("x.csv", ("'.csv' means nothing", ".webp")),
        ("a.png", ("would overwrite an input",)),
        ("mask.png", ("would overwrite an input",)),
        ("nowhere/x.png", ("nowhere",)),
    ],
)
def test_outputs_are_checked_before_the_work(
    descr: Any, contents: Any, output: str, words: tuple[str, ...]
) -> None:
    PIL.Image.fromarray(np.full((64, 96), 255, np.uint8)).save("mask.png")
    before = contents()
    descr("show", "a.png", *FAST, "--mask", "mask.png", "-o", output).refused(*words)
    assert contents() == before


def test_an_output_must_be_named(descr: Any) -> None:
    descr("show", "a.png").refused("no file for the picture", "-o FILE.png")


def test_what_the_features_do_not_allow_leaves_nothing_behind(descr: Any, contents: Any) -> None:
    PIL.Image.fromarray(np.zeros((64, 96), np.uint8)).save("empty.png")
    PIL.Image.fromarray(np.full((10, 10), 255, np.uint8)).save("small.png")
    corner = np.zeros((64, 96), np.uint8)
    corner[:16, :24] = 255
    PIL.Image.fromarray(corner).save("corner.png")
    save_features(describe().extract(["a.png"])[0], "a.nc")
    before = contents()
    show = ("show", "a.png", *FAST, "-o", "x.png")
    descr(*show, "--mask", "empty.png").refused("empty.png", "empty")
    descr(*show, "--mask", "small.png").refused("10 x 10", "96 x 64")
    clusters = (*show, "--as", "clusters", "--clusters", "12", "--mask", "corner.png")
    descr(*clusters).refused("a.png has too few cells for 12 clusters: 6")
    descr("show", "a.nc", "--set", "size=96", "-o", "x.png").refused("nothing to do")
    descr("show", "a.nc", "b.png", "--set", "size=64", "-o", "x.png").refused("size 96 against 64")
    assert contents() == before
