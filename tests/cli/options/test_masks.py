"""The mask options, on `descr match`: other commands take them from the same place."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from descr.cli.commands.show import ImageMasks
from descr.cli.console.errors import UserError
from descr.cli.options.inputs import read_input
from descr.cli.options.masks import prepare_masks
from descr.descriptors import SIFT
from support.models import make_clipseg

FAST = ("--set", "size=192", "--set", "step=4")
PAIR = ("match", "a.png", "b.png", *FAST)


@pytest.fixture
def right(folder: Path) -> Path:
    """A mask that is bright in the right half."""
    mask = np.zeros((64, 96), np.uint8)
    mask[:, 48:] = 255
    PIL.Image.fromarray(mask).save("right.png")
    return Path("right.png")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--mask-a", "right.png", "--segment", "cat"), ("--mask-a", "--segment")),
        (("--mask-b", "right.png", "--auto-mask"), ("--mask-b", "--auto-mask")),
        (("--segment", "cat", "--auto-mask"), ("--segment", "--auto-mask")),
    ],
)
def test_ways_to_a_mask_exclude_each_other(
    descr: Any, right: Path, arguments: tuple[str, ...], named: tuple[str, ...]
) -> None:
    done = descr(*PAIR, *arguments, "-o", "m.csv")
    done.refused(*named, "exclude each other")
    assert not Path("m.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--mask-a", "gone.png"), "no such file: gone.png"),
        (("--segment", " "), "--segment needs a text"),
        (("--mask-set", "seed=1"), "--mask-set has nothing to do"),
        (("--auto-mask", "--mask-set", "clusters"), "is not KEY=VALUE"),
        (("--auto-mask", "--mask-set", "cluster=3"), "clusters"),
        (("--auto-mask", "--mask-set", "clusters=1"), "clusters must be"),
    ],
)
def test_what_is_wrong_with_the_options_is_one_line(
    descr: Any, arguments: tuple[str, ...], says: str
) -> None:
    descr(*PAIR, *arguments).refused(says)


def test_missing_weights_are_said_before_the_work(
    descr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", "empty")
    done = descr(*PAIR, "--segment", "cat")
    done.refused("'clipseg' are not on this machine", "descr models pull clipseg")


def test_a_text_needs_pixels(descr: Any) -> None:
    assert descr("extract", "a.png", "-o", ".", *FAST).code == 0
    Path("a.png").unlink()
    done = descr("match", "a.png.nc", "b.png", *FAST, "--segment", "cat")
    done.refused("error: --segment needs the photographs", "a.png.nc", "--auto-mask")


def test_a_text_says_where_the_object_is(descr: Any, folder: Path) -> None:
    model = make_clipseg(folder)
    settings = ("--mask-set", f"model={model}", "--mask-set")
    whole = json.loads(descr(*PAIR, "--json").out)
    done = descr(*PAIR, "--segment", "a cat", *settings, "threshold=0.65", "--json")
    assert done.code == 0, done.err
    part = json.loads(done.out)
    assert 0 < part["cells"] < whole["cells"]
    done = descr(*PAIR, "--segment", "a cat", *settings, "threshold=0.9999", "-o", "m.csv")
    done.refused("the text 'a cat' finds nothing in a.png", "threshold")
    assert not Path("m.csv").exists()
    descr(*PAIR, "--segment", "a cat", *settings, "text=dog").refused("--mask-set gives the text")
    words = [one for text in ("a cat", "grass", "a dog") for one in ("--segment", text)]
    done = descr(*PAIR, *words[:4], *settings, "threshold=0.65", "--json")
    assert 0 < json.loads(done.out)["cells"] == part["cells"]
    descr(*PAIR, *words).refused("--segment is given 3 times for 2 images")


def test_what_both_have_in_common_can_be_taken(descr: Any) -> None:
    whole = json.loads(descr(*PAIR, "--json").out)
    done = descr(*PAIR, "--auto-mask", "--mask-set", "seed=3", "--json")
    assert done.code == 0, done.err
    part = json.loads(done.out)
    assert 0 < part["cells"] < whole["cells"]
    assert descr("extract", "a.png", "b.png", "-o", ".", *FAST, "--lossless").code == 0
    files = descr("match", "a.png.nc", "b.png.nc", "--auto-mask", "--mask-set", "seed=3", "--json")
    assert json.loads(files.out)["matches"] == part["matches"]


def test_blank_images_have_no_object(descr: Any) -> None:
    for name in ("c.png", "d.png"):
        PIL.Image.new("RGB", (96, 64), "grey").save(name)
    done = descr("match", "c.png", "d.png", *FAST, "--auto-mask", "-o", "m.csv")
    done.refused("nothing stands out in c.png")


def test_a_mask_that_leaves_no_cell_is_named(descr: Any) -> None:
    mask = np.zeros((64, 96), np.uint8)
    descr(*PAIR, "--mask-b", save(mask, "black.png")).refused("black.png is empty", "b.png")
    mask[0, 0] = 255
    done = descr(*PAIR, "--mask-b", save(mask, "speck.png"), "--set", "cell=8")
    done.refused("speck.png leaves no cell of b.png")


def save(mask: np.ndarray, name: str) -> str:
    PIL.Image.fromarray(mask).save(name)
    return name


def test_masks_are_found_for_any_number_of_inputs(folder: Path, right: Path) -> None:
    inputs = [read_input(Path(name)) for name in ("a.png", "b.png", "a.png")]
    maps = SIFT(size=96)("a.png", "b.png", "a.png")
    none = prepare_masks(ImageMasks(), inputs)(maps)
    assert none == [None, None, None]
    files = ImageMasks(mask=["right.png", "-", "right.png"])
    assert files.paths == [right, right]
    masks = prepare_masks(files, inputs)(maps)
    assert masks[1] is None
    for mask in (masks[0], masks[2]):
        assert mask is not None
        assert mask.shape == (64, 96)
        assert mask[:, 48:].all()
        assert not mask[:, :48].any()
    result = prepare_masks(ImageMasks(auto_mask=True), inputs)(maps)
    assert all(mask is not None and 0 < mask.mean() < 1 for mask in result)
    with pytest.raises(UserError, match="exclude each other"):
        ImageMasks(mask=["right.png"], auto_mask=True)
