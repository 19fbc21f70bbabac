import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import swap_both, swap_frames, swap_instances
from descr.descriptors import SIFT
from descr.descriptors.store import save_features
from support import models

FAST = ("--set", "size=192", "--set", "step=4")
PAIR = ("swap", "a.png", "b.png", *FAST)
MASKS = ("--mask-a", "a-mask.png", "--mask-b", "b-mask.png")
TINY = str(models.STABLE_DIFFUSION)


@pytest.fixture(autouse=True)
def masks(folder: Path) -> dict[str, np.ndarray]:
    """An ellipse in a, and where it lies in b, as files beside them."""
    y, x = np.mgrid[:64, :96]
    result = {}
    for name, left in (("a", 52), ("b", 44)):
        result[name] = ((x - left) / 30) ** 2 + ((y - 32) / 22) ** 2 < 1
        PIL.Image.fromarray(result[name].astype(np.uint8) * 255).save(folder / f"{name}-mask.png")
    return result


@pytest.fixture
def expected(masks: dict[str, np.ndarray]) -> tuple[xr.Dataset, xr.Dataset]:
    return swap_both(
        "a.png",
        "b.png",
        descriptor=SIFT(size=192, step=4),
        source_mask=masks["a"],
        target_mask=masks["b"],
    )


def other_scene() -> np.ndarray:
    """Blobs that have nothing in common with a.png and b.png."""
    noise = np.random.default_rng(9).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    return np.asarray(PIL.Image.fromarray(noise).resize((96, 64), PIL.Image.Resampling.BICUBIC))


def read(path: str) -> np.ndarray:
    return np.asarray(PIL.Image.open(path).convert("RGB"))


def test_the_picture_is_what_the_library_gives(
    descr: Any, expected: tuple[xr.Dataset, xr.Dataset]
) -> None:
    done = descr(*PAIR, *MASKS, "-o", "s.png", "-o", "s.nc", "--also", "t.png", "-o", "s.jpg")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(read("s.png"), expected[0]["image"])
    np.testing.assert_array_equal(read("t.png"), expected[1]["image"])
    assert np.abs(read("s.jpg").astype(int) - read("s.png")).mean() < 3
    with xr.open_dataset("s.nc") as dataset:
        xr.testing.assert_equal(dataset.load(), expected[0])


def test_most_of_the_instance_is_swapped_with_its_own_copy(
    descr: Any, masks: dict[str, np.ndarray]
) -> None:
    """b shows the same scene 8 pixels further: the swap is the source again."""
    assert descr(*PAIR, *MASKS, "-o", "s.png").code == 0
    inside = masks["a"].copy()
    inside[:, 90:] = False
    error = np.abs(read("s.png").astype(int) - read("a.png"))
    assert np.median(error[inside]) < 8
    assert (error[~masks["a"]] == 0).all()


def test_a_summary_is_printed(descr: Any, expected: tuple[xr.Dataset, xr.Dataset]) -> None:
    done = descr(*PAIR, *MASKS, "-o", "s.png", "--also", "t.png")
    lines = done.out.splitlines()
    assert lines[0].split(maxsplit=1) == ["images", "a.png (96 x 64) to b.png (96 x 64)"]
    assert lines[1].split(maxsplit=1) == ["swapped", "a.png with the appearance of b.png"]
    assert lines[4].split(maxsplit=1) == ["swapped", "b.png with the appearance of a.png"]
    pixels = int(expected[0]["flow_x"].notnull().sum())
    assert lines[2].split()[:2] == ["pixels", f"{pixels:,}"]
    assert lines[-2:] == ["written       s.png", "written       t.png"]
    assert done.err.startswith("descriptor: sift")


def test_json_is_one_document(descr: Any, expected: tuple[xr.Dataset, xr.Dataset]) -> None:
    done = descr(*PAIR, *MASKS, "-o", "s.png", "--json", "--blend", "none")
    document = json.loads(done.out)
    assert document["source"] == {"path": "a.png", "image": "a.png", "width": 96, "height": 64}
    (swap,) = document["swaps"]
    assert swap["pixels"] == int(expected[0]["flow_x"].notnull().sum())
    assert swap["filled"] == pytest.approx(
        int(expected[0]["filled"].sum()) / swap["pixels"], abs=1e-4
    )
    assert swap["median_score"] == pytest.approx(float(expected[0]["score"].median()), abs=1e-5)
    assert document["blend"] == "none"
    assert document["refinement"] is None
    assert document["written"] == ["s.png"]


def test_options_reach_the_library(descr: Any, masks: dict[str, np.ndarray]) -> None:
    options = ("--smoothness", "0", "--blend", "poisson", "--blend-width", "4", "--cells", "40")
    limits = ("--max-consistency", "5", "--min-score", "0.5", "--matcher", "mutual")
    assert descr(*PAIR, *MASKS, *options, *limits, "-o", "s.nc").code == 0
    from descr.matchers import MutualNearestNeighbor

    expected = swap_instances(
        "a.png",
        "b.png",
        descriptor=SIFT(size=192, step=4),
        matcher=MutualNearestNeighbor(),
        source_mask=masks["a"],
        target_mask=masks["b"],
        smoothness=0,
        blend="poisson",
        blend_width=4,
        cells=40,
        max_consistency=5,
        min_score=0.5,
    )
    with xr.open_dataset("s.nc") as result:
        xr.testing.assert_equal(result.load(), expected)


def test_a_gif_shows_the_way(
    descr: Any, masks: dict[str, np.ndarray], expected: tuple[xr.Dataset, xr.Dataset]
) -> None:
    done = descr(*PAIR, *MASKS, "--gif", "s.gif", "--gif-frames", "5", "--gif-width", "80")
    assert done.code == 0, done.err
    frames = swap_frames("a.png", "b.png", expected[0], target_mask=masks["b"], frames=5, width=80)
    with PIL.Image.open("s.gif") as gif:
        assert (gif.n_frames, gif.size) == (5, (80, 53))
        for index in (0, 4):
            gif.seek(index)
            shown = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(shown - frames[index]).mean() < 25


def test_whole_images_can_be_swapped(descr: Any, folder: Path) -> None:
    assert descr(*PAIR, "--whole", "-o", "whole.png").code == 0
    PIL.Image.new("L", (96, 64), 255).save(folder / "full.png")
    assert (
        descr(*PAIR, "--mask-a", "full.png", "--mask-b", "full.png", "-o", "full-masks.png").code
        == 0
    )
    np.testing.assert_array_equal(read("whole.png"), read("full-masks.png"))


def test_masks_can_be_found(descr: Any) -> None:
    done = descr(*PAIR, "--auto-mask", "--mask-set", "clusters=3", "-o", "s.png", "--json")
    assert 0 < json.loads(done.out)["swaps"][0]["pixels"] < 96 * 64


def test_the_swap_is_refined_with_the_weights_of_the_descriptor(
    descr: Any, masks: dict[str, np.ndarray]
) -> None:
    network = ("--descriptor", "sd", "--set", f"model={TINY}", "--set", "size=128")
    refine = ("--refine", "--strength", "0.5", "--steps", "4", "--seed", "3", "--device", "cpu")
    pair = ("swap", "a.png", "b.png", *MASKS, *network, "--max-consistency", "200")
    done = descr(*pair, *refine, "-o", "s.png", "--json")
    assert done.code == 0, done.err
    assert "strength=0.5, steps=4" in json.loads(done.out)["refinement"]
    assert descr(*pair, "-o", "plain.png").code == 0
    inside = masks["a"]
    np.testing.assert_array_equal(read("s.png")[~inside], read("a.png")[~inside])
    assert (read("s.png")[inside] != read("plain.png")[inside]).mean() > 0.5


def test_the_model_that_refines_can_be_named(descr: Any) -> None:
    refine = ("--refine", "--refine-model", TINY, "--refine-mode", "img2img", "--steps", "2")
    done = descr(*PAIR, *MASKS, *refine, "--prompt", "a cat", "-o", "s.png", "--json")
    assert done.code == 0, done.err
    message = json.loads(done.out)["refinement"]
    assert "mode='img2img'" in message
    assert "prompt='a cat'" in message


Contents = Callable[[], dict[str, bytes | None]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "s.png"), ("--mask-a", "--segment", "--auto-mask", "--whole")),
        (("-o", "s.png", "--mask-a", "a-mask.png"), ("--mask-b is missing",)),
        (("-o", "s.png", "--mask-b", "b-mask.png"), ("--mask-a is missing",)),
        (("-o", "s.png", "--whole", "--auto-mask"), ("--whole",)),
        (("-o", "s.png", *MASKS, "--whole"), ("--whole",)),
        (("-o", "s.png", *MASKS, "--auto-mask"), ("exclude each other",)),
        (MASKS, ("no file for the result", "-o FILE.png")),
        ((*MASKS, "-o", "s.gif"), ("'.gif'",)),
        ((*MASKS, "--gif", "s.png"), ("--gif s.png: ", "'.png'", ".gif (animation)")),
        ((*MASKS, "--also", "s.txt"), ("--also s.txt: ", "'.txt'")),
        ((*MASKS, "-o", "s.png", "--also", "s.png"), ("s.png is given twice",)),
        ((*MASKS, "-o", "a-mask.png"), ("would overwrite an input",)),
        ((*MASKS, "--also", "b.png"), ("would overwrite an input",)),
        ((*MASKS, "-o", "s.png", "--gif-frames", "9"), ("--gif",)),
        ((*MASKS, "--gif", "s.gif", "--gif-frames", "1"), ("--gif-frames must be at least 2",)),
        ((*MASKS, "--gif", "s.gif", "--gif-width", "2"), ("--gif-width must be at least 16",)),
        (
            (*MASKS, "--gif", "s.gif", "--gif-frames", "90000"),
            ("90000 frames of 96 x 64", "lower --gif-width or --gif-frames"),
        ),
        ((*MASKS, "-o", "s.png", "--strength", "0.5"), ("--strength", "--refine")),
        ((*MASKS, "-o", "s.png", "--refine-mode", "img2img"), ("--refine-mode", "--refine")),
        ((*MASKS, "-o", "s.png", "--refine", "--strength", "2"), ("strength",)),
        ((*MASKS, "-o", "s.png", "--blend", "glue"), ("--blend", "'glue'")),
        ((*MASKS, "-o", "s.png", "--smoothness", "-1"), ("smoothness",)),
        ((*MASKS, "-o", "s.png", "--cells", "0"), ("cells",)),
        ((*MASKS, "-o", "no/s.png"), ("does not exist",)),
        (
            ("--mask-a", "a-mask.png", "--mask-b", "no.png", "-o", "s.png"),
            ("no such file: no.png",),
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_left(
    descr: Any, contents: Contents, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    before = contents()
    descr(*PAIR, *arguments).refused(*words)
    assert contents() == before


def test_images_without_overlap_are_refused(descr: Any, folder: Path, contents: Contents) -> None:
    PIL.Image.fromarray(other_scene()).save(folder / "c.png")
    before = contents()
    masks = ("--mask-a", "a-mask.png", "--mask-b", "b-mask.png", "--min-score", "0.99")
    done = descr("swap", "a.png", "c.png", *FAST, *masks, "-o", "s.png", "--gif", "s.gif")
    done.refused("nothing in the instances of a.png and c.png")
    assert contents() == before


def test_a_swap_of_unrelated_objects_is_said_to_be_doubtful(descr: Any, folder: Path) -> None:
    PIL.Image.fromarray(other_scene()).save(folder / "c.png")
    done = descr("swap", "a.png", "c.png", *FAST, *MASKS, "-o", "s.png", "--json")
    assert done.code == 0
    assert json.loads(done.out)["agreement"]["doubtful"]
    assert "little agreement between a.png and c.png" in done.err
    assert "agreement" not in descr(*PAIR, *MASKS, "-o", "s.png").err


def test_an_empty_mask_is_refused(descr: Any, folder: Path, contents: Contents) -> None:
    PIL.Image.new("L", (96, 64)).save(folder / "empty.png")
    before = contents()
    descr(*PAIR, "--mask-a", "empty.png", "--mask-b", "b-mask.png", "-o", "s.png").refused("empty")
    assert contents() == before


def test_a_mask_that_leaves_no_cell_is_refused(
    descr: Any, folder: Path, contents: Contents
) -> None:
    pixel = PIL.Image.new("L", (96, 64))
    pixel.putpixel((0, 0), 255)
    pixel.save(folder / "pixel.png")
    before = contents()
    done = descr(*PAIR, "--mask-a", "pixel.png", "--mask-b", "b-mask.png", "-o", "s.png")
    done.refused("no cell")
    assert contents() == before


def test_a_refinement_without_weights_is_refused_before_the_work(
    descr: Any, contents: Contents, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(folder / "cache"))

    def forbidden(self: SIFT, images: Any) -> Any:
        raise AssertionError("features were extracted")

    monkeypatch.setattr(SIFT, "extract", forbidden)
    before = contents()
    done = descr(*PAIR, *MASKS, "--descriptor", "sift", "--refine", "-o", "s.png")
    done.refused("'sd-1.5'", "descr models pull sd-1.5")
    assert contents() == before


def test_features_alone_cannot_be_swapped(descr: Any, folder: Path) -> None:
    (tree,) = SIFT(size=192, step=4).extract(["b.png"])
    save_features(tree, folder / "b.nc")
    (folder / "b.png").rename(folder / "moved.png")
    done = descr("swap", "a.png", "b.nc", *FAST, *MASKS, "-o", "s.png")
    done.refused("a swap needs the photographs", "b.nc")


def test_objects_are_swapped_from_feature_files(descr: Any) -> None:
    assert descr(*PAIR, *MASKS, "-o", "images.png").code == 0
    assert descr("extract", "a.png", "b.png", "-o", "f", *FAST, "--lossless").code == 0
    done = descr("swap", "f/a.png.nc", "f/b.png.nc", *MASKS, "-o", "files.png")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(read("images.png"), read("files.png"))
