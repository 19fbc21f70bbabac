"""What the commands on two images have in common."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from descr.applications import measure_agreement
from descr.descriptors import SIFT

FAST = ("--set", "size=192", "--set", "step=4")
COMMANDS = {
    "match": (),
    "transfer": ("--points", "60,32"),
    "flow": (),
    "swap": ("--whole", "-o", "s.png"),
}
BEFORE = "descriptor: ", "memory: "
"""How lines begin that are said before the work."""
POINTS = ("match", ("--points", "60,32", "--points", "30,20", "--matcher", "nearest"))
every_command = pytest.mark.parametrize(("command", "options"), [*COMMANDS.items(), POINTS])


@every_command
def test_little_agreement_is_said(
    descr: Any, unrelated: Path, command: str, options: tuple[str, ...]
) -> None:
    done = descr(command, "a.png", unrelated.name, *FAST, *options, "--json")
    assert done.code == 0, done.err
    (line,) = [line for line in done.err.splitlines() if not line.startswith(BEFORE)]
    assert line.startswith("little agreement between a.png and c.png: ")
    assert line.endswith("the result may mean nothing")
    agreement = json.loads(done.out)["agreement"]
    assert agreement.pop("doubtful") is True
    expected = measure_agreement("a.png", "c.png", descriptor=SIFT(size=192, step=4))
    assert agreement == {key: expected.to_dict()[key] for key in agreement}
    assert list(agreement) == ["mutual", "round_trip", "coherent"]


@every_command
def test_agreement_is_told_and_nothing_is_said(
    descr: Any, command: str, options: tuple[str, ...]
) -> None:
    done = descr(command, "a.png", "b.png", *FAST, *options, "--json")
    assert all(line.startswith(BEFORE) for line in done.err.splitlines()), done.err
    agreement = json.loads(done.out)["agreement"]
    assert agreement["doubtful"] is False
    assert agreement["mutual"] > 0.4
    printed = descr(command, "a.png", "b.png", *FAST, *options).out
    (line,) = [line for line in printed.splitlines() if line.startswith("agreement")]
    assert line.split()[1] == f"{agreement['mutual']:.1%}"


@pytest.mark.parametrize("command", ["match", "flow"])
def test_a_black_image_is_said_to_mean_little(descr: Any, command: str) -> None:
    PIL.Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save("black.png")
    for pair in (("a.png", "black.png"), ("black.png", "a.png"), ("black.png", "black.png")):
        done = descr(command, *pair, *FAST, "--json")
        assert done.code == 0, done.err
        assert "the result may mean nothing" in done.err
        assert json.loads(done.out)["agreement"]["doubtful"] is True


def test_only_what_lies_inside_the_masks_is_judged(descr: Any) -> None:
    pixels = [np.asarray(PIL.Image.open(name)) for name in ("a.png", "b.png")]
    noise = np.random.default_rng(3).integers(0, 256, (64, 192, 3), dtype=np.uint8)
    for name, half in zip("cd", pixels, strict=True):
        wide = noise.copy()
        wide[:, :96] = half
        PIL.Image.fromarray(wide).save(f"{name}.png")
    for name, columns in (("left", slice(96)), ("right", slice(96, 192))):
        mask = np.zeros((64, 192), np.uint8)
        mask[:, columns] = 255
        PIL.Image.fromarray(mask).save(f"{name}.png")
    pair = ("match", "c.png", "d.png", "--set", "size=384", "--mask-a", "left.png", "--mask-b")
    assert "little agreement" not in descr(*pair, "left.png").err
    assert "little agreement" in descr(*pair, "right.png").err


@every_command
def test_documents_tell_common_things_in_one_form(
    descr: Any, command: str, options: tuple[str, ...]
) -> None:
    document = json.loads(descr(command, "a.png", "b.png", *FAST, *options, "--json").out)
    for side, name in (("source", "a.png"), ("target", "b.png")):
        assert document[side] == {"path": name, "image": name, "width": 96, "height": 64}
    assert document["descriptor"].startswith("SIFT(")
    assert "(" in document["matcher"]
    assert document["seconds"] > 0
    assert document["written"] == (["s.png"] if command == "swap" else [])


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("match",), "-o"),
        (("transfer", "--points", "60,32"), "-o"),
        (("flow",), "--draw"),
        (("show",), "-o"),
        (("swap", "--whole"), "-o"),
    ],
)
def test_every_drawing_can_be_a_png_a_jpeg_or_a_webp(
    descr: Any, command: tuple[str, ...], option: str
) -> None:
    forms = {"x.png": "PNG", "x.jpg": "JPEG", "x.jpeg": "JPEG", "x.webp": "WEBP"}
    pixels = {}
    outputs = [(option, name) for name in forms]
    # -o can be repeated.
    for some in [sum(outputs, ())] if option == "-o" else outputs:
        done = descr(command[0], "a.png", "b.png", *FAST, *command[1:], *some)
        assert done.code == 0, done.err
    for name, form in forms.items():
        with PIL.Image.open(name) as picture:
            assert picture.format == form
            pixels[name] = np.asarray(picture.convert("RGB")).astype(int)
    # WebP always halves the resolution of the colours.
    for name, most in (("x.jpg", 3), ("x.jpeg", 3), ("x.webp", 12)):
        assert np.abs(pixels[name] - pixels["x.png"]).mean() < most
    done = descr(command[0], "a.png", "b.png", *FAST, *command[1:], option, "x.bmp")
    done.refused("x.bmp", ".png", ".jpg", ".webp")


def test_what_is_transparent_is_a_png_or_a_webp(descr: Any) -> None:
    flow = ("flow", "a.png", "b.png", *FAST, "--max-consistency", "2", "--warp")
    for name in ("w.png", "w.webp"):
        assert descr(*flow, name).code == 0
        with PIL.Image.open(name) as picture:
            assert picture.mode == "RGBA"
            assert picture.getextrema()[3] == (0, 255)
    descr(*flow, "w.jpg").refused("--warp w.jpg", ".png", ".webp")


def test_a_picture_too_large_for_its_form_is_refused(descr: Any, contents: Any) -> None:
    PIL.Image.fromarray(np.zeros((16, 16_400, 3), np.uint8)).save("long.png")
    before = contents()
    options = ("--set", "size=256", "--set", "step=4", "--whole", "-o", "s.webp")
    done = descr("swap", "long.png", "a.png", *options)
    assert done.code == 2
    assert done.errors == [
        "error: the picture is 16400 x 16 pixels, and a .webp file holds 16383 at most along a side"
    ]
    assert contents() == before
