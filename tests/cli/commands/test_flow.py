import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import dense_flow, draw_flow, warp
from descr.applications.flow import read_flo, read_kitti
from descr.descriptors import SIFT
from descr.matchers import SoftArgmax

FAST = ("--set", "size=96", "--set", "step=4", "--set", "cell=4")
PAIR = ("flow", "a.png", "b.png", *FAST)
OUTPUTS = ("-o", "f.flo", "-o", "f.png", "-o", "f.nc", "--draw", "d.png", "--warp", "w.png")


@pytest.fixture
def expected(folder: Path) -> xr.Dataset:
    source, target = SIFT(size=96, step=4, cell=4)("a.png", "b.png")
    return dense_flow(source, target, matcher=SoftArgmax(window=1), smoothing=2)


def save_mask(path: str, columns: slice, size: tuple[int, int] = (64, 96)) -> None:
    mask = np.zeros(size, np.uint8)
    mask[:, columns] = 255
    PIL.Image.fromarray(mask).save(path)


def test_every_file_holds_what_the_library_finds(descr: Any, expected: xr.Dataset) -> None:
    done = descr(*PAIR, *OUTPUTS)
    assert done.code == 0, done.err
    with xr.open_dataset("f.nc") as flow:
        xr.testing.assert_allclose(flow.load(), expected, atol=1e-4)
        assert flow.attrs == expected.attrs
    np.testing.assert_allclose(read_flo("f.flo")["flow_x"], expected["flow_x"], atol=1e-4)
    np.testing.assert_allclose(read_kitti("f.png")["flow_y"], expected["flow_y"], atol=1 / 100)
    with PIL.Image.open("w.png") as picture:
        assert picture.mode == "RGBA"
        seen = np.asarray(picture)
    clear = warp("b.png", expected, fill=(0, 0, 0, 0))
    np.testing.assert_array_equal(seen[..., 3] == 255, expected["valid"])
    assert np.abs(seen.astype(int) - clear).mean() < 0.1
    with PIL.Image.open("d.png") as picture:
        assert picture.format == "PNG"
        assert picture.mode == "RGB"
        assert picture.width == 1600


def test_the_rim_of_the_wheel_and_the_width_can_be_set(descr: Any, expected: xr.Dataset) -> None:
    options = ("--maximum", "5", "--width", "500", "--no-titles")
    assert descr(*PAIR, "--draw", "d.png", *options).code == 0
    with PIL.Image.open("d.png") as picture:
        drawing = draw_flow(expected, maximum=5, width=500)
        np.testing.assert_array_equal(np.asarray(picture), drawing)
    descr(*PAIR, "--draw", "d.png", "--maximum", "0").refused("--maximum must be a number above 0")


def test_most_of_the_flow_is_the_shift_of_the_scene(descr: Any) -> None:
    assert descr(*PAIR, "-o", "f.flo").code == 0
    flow = read_flo("f.flo").isel(x=slice(16, 80))
    right = (np.abs(flow["flow_x"] + 8) < 2) & (np.abs(flow["flow_y"]) < 2)
    assert float(right.mean()) > 0.9


def test_standard_output_is_a_summary(descr: Any, expected: xr.Dataset) -> None:
    done = descr(*PAIR, "-o", "f.flo")
    assert done.err.startswith("descriptor: sift (embedded, needs no weights")
    assert done.err.splitlines()[1].startswith("memory: about 134.2 MB for the flow from a.png (96")
    assert done.err.count("\n") == 2
    facts = {line[:14].strip(): line[14:] for line in done.out.splitlines()}
    assert facts["images"] == "a.png (96 x 64) to b.png (96 x 64)"
    assert facts["cells"] == "16 x 24"
    assert facts["grid"] == "64 x 96"
    assert facts["valid"].endswith("%)")
    lengths = np.hypot(expected["flow_x"], expected["flow_y"])
    assert facts["displacement"] == f"{float(lengths.median()):.2f} pixels (median)"
    assert facts["consistency"] == f"{float(expected['consistency'].median()):.2f} pixels (median)"
    assert facts["written"] == "f.flo"
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_json_is_one_document_and_nothing_else(descr: Any, expected: xr.Dataset) -> None:
    document = json.loads(descr(*PAIR, "--json", *OUTPUTS).out)
    assert document["source"] == {"path": "a.png", "image": "a.png", "width": 96, "height": 64}
    assert document["target"]["image"] == "b.png"
    assert document["valid"] == int(expected["valid"].sum())
    assert document["share"] == pytest.approx(float(expected["valid"].mean()), abs=1e-4)
    assert document["median_consistency"] == pytest.approx(
        float(expected["consistency"].median()), abs=2e-3
    )
    assert document["smoothing"] == 2
    assert "SoftArgmax(temperature=0.02, window=1" in document["matcher"]
    assert document["descriptor"].startswith("SIFT(")
    assert document["written"] == ["f.flo", "f.png", "f.nc", "d.png", "w.png"]


def test_the_options_reach_the_library(descr: Any) -> None:
    options = ("--cells", "12", "--grid", "5x7", "--smooth", "0", "--max-consistency", "9")
    document = json.loads(descr(*PAIR, *options, "-o", "f.nc", "--json").out)
    assert document["feature_grid"] == [8, 12]
    assert document["grid"] == [5, 7]
    assert document["smoothing"] == 0
    with xr.open_dataset("f.nc") as flow:
        assert float(flow["consistency"].max()) <= 9
    for grid, size in (("cells", [16, 24]), ("48", [32, 48])):
        assert json.loads(descr(*PAIR, "--grid", grid, "--json").out)["grid"] == size
    matcher = ("--matcher", "nearest", "--device", "cpu", "--cells", "8x12")
    assert json.loads(descr(*PAIR, *matcher, "--json").out)["matcher"].startswith("NearestN")
    window = ("--matcher-set", "window=3")
    assert "window=3" in json.loads(descr(*PAIR, *window, "--json").out)["matcher"]


def test_masks_bound_where_from_and_where_to(descr: Any) -> None:
    save_mask("left.png", slice(0, 60))
    save_mask("right.png", slice(20, 96))
    masks = ("--mask-a", "right.png", "--mask-b", "left.png")
    assert descr(*PAIR, *masks, "-o", "f.flo").code == 0
    flow = read_flo("f.flo")
    assert not flow["valid"][:, :20].any()
    assert flow["valid"].any()
    assert float((flow["x"] + flow["flow_x"]).max()) < 59.51


def test_feature_files_take_the_place_of_images(descr: Any) -> None:
    assert descr("extract", "a.png", "b.png", "-o", ".", *FAST, "--lossless").code == 0
    assert descr(*PAIR, "-o", "images.flo").code == 0
    done = descr("flow", "a.png.nc", "b.png.nc", "-o", "files.flo", "--draw", "d.png")
    assert done.code == 0, done.err
    assert Path("images.flo").read_bytes() == Path("files.flo").read_bytes()
    # The frame of A takes the pixels of B alone.
    assert descr("flow", "a.png.nc", "b.png", *FAST, "--warp", "w.png").code == 0
    assert descr("flow", "a.png", "b.png.nc", *FAST, "--warp", "w2.png").code == 0
    assert Path("w.png").read_bytes() == Path("w2.png").read_bytes()
    Path("b.png").rename("c.png")
    done = descr("flow", "a.png", "b.png.nc", *FAST, "--warp", "w3.png")
    done.refused("w3.png: --warp needs the photographs", "b.png.nc")
    assert descr("flow", "c.png", "a.png.nc", *FAST, "--warp", "w4.png").code == 0
    assert descr("flow", "a.png", "b.png.nc", "--draw", "d.png").code == 0


def test_flow_too_long_for_a_kitti_file_is_said(descr: Any) -> None:
    pixels = np.asarray(PIL.Image.open("a.png"))
    wide = np.zeros((64, 800, 3), np.uint8)
    wide[:, :96] = pixels
    PIL.Image.fromarray(wide).save("wide.png")
    PIL.Image.fromarray(wide[:, ::-1][:, :, ::-1]).save("mirrored.png")
    fast = ("--set", "size=400", "--smooth", "0")
    done = descr("flow", "wide.png", "mirrored.png", *fast, "-o", "f.png", "--json")
    assert done.code == 0, done.err
    message = done.err.splitlines()[-1]
    assert message.endswith("pixels move further than the 512 of a KITTI file: not valid in it")
    lost = int(message.split()[0].replace(",", ""))
    assert json.loads(done.out)["valid"] - lost == int(read_kitti("f.png")["valid"].sum())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "f.exr"), ("-o f.exr", ".flo (Middlebury)")),
        (("-o", "f"), ("has no suffix",)),
        (("-o", "f.flo", "-o", "f.flo"), ("given twice",)),
        (("-o", "f.png", "--draw", "f.png"), ("f.png is given twice",)),
        (("--draw", "w.png", "--warp", "w.png"), ("w.png is given twice",)),
        (("--draw", "d.bmp"), ("--draw d.bmp", ".png", ".webp")),
        (("--warp", "w.jpg"), ("--warp w.jpg", ".png", ".webp")),
        (("--warp", "a.png"), ("error: a.png would overwrite an input",)),
        (("-o", "none/f.flo"), ("none", "does not exist")),
        (("--draw", "none/d.png"), ("none", "does not exist")),
        (("--smooth", "-1"), ("--smooth", "0 to 50")),
        (("--smooth", "51"), ("--smooth",)),
        (("--max-consistency", "-1"), ("--max-consistency",)),
        (("--max-consistency", "nan"), ("--max-consistency",)),
        (("--cells", "0"), ("--cells", "96x128")),
        (("--cells", "4x"), ("--cells",)),
        (("--cells", "20001"), ("--cells", "at most 20000")),
        (("--cells", "image"), ("--cells",)),
        (("--grid", "pixel"), ("--grid", "image, cells")),
        (("--grid", "4x5x6"), ("--grid",)),
        (("--grid", "cells", "-o", "f.flo"), ("-o f.flo", "each pixel", ".nc")),
        (("--mask-a", "none.png"), ("no such file", "none.png")),
        (("--mask-a", "a.png", "--auto-mask"), ("exclude each other",)),
        (("--matcher", "none"), ("none", "soft-argmax")),
    ],
)
def test_wrong_options_are_refused(descr: Any, contents: Any, options: Any, words: Any) -> None:
    before = contents()
    descr(*PAIR, *options).refused(*words)
    assert contents() == before


class TestNothingToShow:
    """One line, exit code 2, and no file."""

    def check(self, descr: Any, contents: Any, options: Any, *words: str) -> None:
        before = contents()
        descr(*PAIR, *OUTPUTS, *options).refused(*words)
        assert contents() == before

    @pytest.mark.parametrize("side", ["--mask-a", "--mask-b"])
    def test_an_empty_mask(self, descr: Any, contents: Any, side: str) -> None:
        save_mask("empty.png", slice(0))
        self.check(descr, contents, (side, "empty.png"), "empty.png")

    @pytest.mark.parametrize("side", ["--mask-a", "--mask-b"])
    def test_a_mask_that_leaves_no_cell(self, descr: Any, contents: Any, side: str) -> None:
        save_mask("thin.png", slice(0, 1))
        self.check(descr, contents, (side, "thin.png"), "thin.png", "no cell")

    def test_a_mask_of_another_size(self, descr: Any, contents: Any) -> None:
        save_mask("small.png", slice(0, 20), (32, 48))
        self.check(descr, contents, ("--mask-b", "small.png"), "48 x 32", "96 x 64")

    def test_images_without_overlap(self, descr: Any, contents: Any, folder: Path) -> None:
        noise = np.random.default_rng(5).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        PIL.Image.fromarray(noise).save(folder / "b.png")
        options = ("--max-consistency", "0", "--smooth", "0")
        self.check(descr, contents, options, "a.png to b.png", "may not overlap")
