"""Every bad input gives one line that names it, exit code 2, and leaves nothing behind."""

import contextlib
import inspect
import struct
import sys
import typing
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import typer
import xarray as xr
from descr import descriptors, matchers
from descr.cli.main import app
from support import own_classes
from support.models import DINOV2

FAST = ("--set", "size=96")
A, B = "a.png", "b.png"


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(contents: Any) -> Iterator[None]:
    """Files that a test makes for itself are in `mess`; all the rest is as it was."""
    before = contents()
    yield
    after = {name: held for name, held in contents().items() if not name.startswith("mess")}
    assert after == before


@pytest.fixture
def mess(folder: Path) -> Path:
    """A folder for the bad files, made by the test itself; see `spoil`."""
    drawing = folder / "mess"
    drawing.mkdir()
    return drawing


@cache
def huge_png(side: int = 60_000) -> bytes:
    """A valid black 1-bit PNG of this side: 450 MB of zeros in some 450 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    row = bytes(1 + side // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def spoil(kind: str, path: Path) -> None:
    """Put something at `path` that is no usable image."""
    if kind == "a folder":
        path.mkdir()
    elif kind == "an empty file":
        path.touch()
    elif kind == "text":
        path.write_text("this is not a photograph\n" * 100)
    elif kind == "a truncated JPEG":
        PIL.Image.open(A).save(path, format="JPEG")
        path.write_bytes(path.read_bytes()[:-400])
    elif kind == "too large":
        path.write_bytes(huge_png())
    elif kind == "one pixel":
        PIL.Image.new("RGB", (1, 1)).save(path)
    elif kind == "of another format":
        PIL.Image.open(A).save(path, format="GIF")


SPOILT = {
    "missing": ("gone.jpg", "no such file"),
    "a folder": ("folder.jpg", "folder"),
    "an empty file": ("empty.jpg", "empty"),
    "text": ("text.jpg", "not an image"),
    "a truncated JPEG": ("truncated.jpg", "cut off"),
    "too large": ("huge.png", "60000 x 60000"),
    "one pixel": ("dot.png", "1 x 1"),
    "of another format": ("moving.gif", "moving.gif is a GIF, which is not read"),
}


@pytest.mark.parametrize("first", [True, False], ids=["as A", "as B"])
@pytest.mark.parametrize("kind", SPOILT)
def test_an_image_that_is_none(descr: Any, mess: Path, kind: str, first: bool) -> None:
    name, says = SPOILT[kind]
    spoil(kind, mess / name)
    pair = (f"mess/{name}", B) if first else (A, f"mess/{name}")
    descr("match", *pair, "-o", "m.csv", "-o", "m.png").refused(name, says)


def test_the_hint_about_size_is_for_the_command_line(descr: Any, mess: Path) -> None:
    (mess / "huge.png").write_bytes(huge_png())
    (hint,) = descr("match", "mess/huge.png", B).hints
    assert hint == (
        "hint: scale it down first, as in: magick big.png -resize 4000x4000 smaller.png"
    )


@pytest.mark.parametrize("kind", [kind for kind in SPOILT if kind != "one pixel"])
def test_a_mask_that_is_none(descr: Any, mess: Path, kind: str) -> None:
    name, says = SPOILT[kind]
    spoil(kind, mess / name)
    descr("match", A, B, "--mask-b", f"mess/{name}", "-o", "m.csv").refused(name, says)


@pytest.mark.parametrize("flag", ["--mask-a", "--mask-b"])
def test_a_mask_of_another_size(descr: Any, mess: Path, flag: str) -> None:
    PIL.Image.new("L", (95, 64), 255).save(mess / "mask.png")
    done = descr("match", A, B, flag, "mess/mask.png", *FAST, "-o", "m.csv")
    done.refused("mess/mask.png", "95 x 64", "96 x 64")


def test_a_mask_that_leaves_nothing(descr: Any, mess: Path) -> None:
    PIL.Image.new("L", (96, 64), 0).save(mess / "mask.png")
    done = descr("match", A, B, "--mask-a", "mess/mask.png", *FAST, "-o", "m.csv")
    done.refused("mask", "a.png")


@pytest.mark.parametrize("point", ["96,10", "10,64", "-0.6,3", "3,-5", "1e9,1e9"])
def test_a_point_outside_the_image(descr: Any, point: str) -> None:
    done = descr("match", A, B, "--points", "5,5", "--points", point, *FAST, "-o", "m.csv")
    done.refused(f"--points {point}", "outside a.png", "96 x 64")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("12", "no such file: 12"),
        ("a,b", "'a,b'"),
        ("1,2,3", "'1,2,3'"),
        ("nan,2", "finite"),
        ("1,inf", "finite"),
        ("", "--points"),
        ("gone.csv", "no such file: gone.csv"),
        (".", ". is a folder"),
        ("a.png", "a.png is not a text file"),
    ],
)
def test_points_that_are_none(descr: Any, value: str, says: str) -> None:
    descr("match", A, B, "--points", value, "-o", "m.csv").refused(says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no point"),
        ("x,y\n", "holds no point"),
        ("# nothing\n\n", "holds no point"),
        ("a,b\n1,2\n", "line 1"),
        ("x,y\n1,2\n3\n", "line 3: a value is missing"),
        ("x,y\n1,2\n\nfour,5\n", "line 4: x and y must be numbers"),
        ("1,2\n3,\n", "line 2: x and y must be numbers"),
        ("x,y\n1,nan\n", "line 2: x and y must be finite"),
        ("x,y\n1,2\n200,2\n", "line 3: the point lies outside a.png"),
        ("1,2,3,4\n", "line 1: 4 columns"),
        ('x,y\n"1,2\n', "line 2"),
    ],
)
def test_a_points_file_that_is_malformed(descr: Any, mess: Path, text: str, says: str) -> None:
    (mess / "points.csv").write_text(text)
    done = descr("match", A, B, "--points", "mess/points.csv", *FAST, "-o", "m.csv")
    done.refused("mess/points.csv", says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--descriptor", "sfit"), ("'sfit'", "did you mean 'sift'", *descriptors.available())),
        (("--descriptor", "SIFT"), ("'SIFT'", "did you mean 'sift'")),
        (("--matcher", "MUTUAL"), ("'MUTUAL'", "did you mean 'mutual'")),
        (("--set", "STEP=3"), ("'STEP'", "did you mean 'step'")),
        (("--Set", "step=3"), ("--Set", "did you mean --set")),
        (("--descriptor", "gone:Gone"), ("'gone'", "module:Class")),
        (("--descriptor", "json:loads"), ("'json:loads' can't be made",)),
        (("--descriptor", "json:gone"), ("'json'", "'gone'")),
        (("--matcher", "mutal"), ("'mutal'", *matchers.available())),
        (("--matcher", "descr.descriptors:SIFT"), ("is not a matcher",)),
        (("--set", "stepp=3"), ("'stepp'", "step, cell, scales, size, fit")),
        (("--set", "step=no"), ("step", "'no'")),
        (("--set", "step=0"), ("step", "0")),
        (("--set", "fit=fill"), ("fit", "pad, stretch, aspect")),
        (("--set", "step"), ("--set 'step'", "KEY=VALUE")),
        (("--set", "=3"), ("--set '=3'", "KEY=VALUE")),
        (("--matcher-set", "step"), ("KEY=VALUE", "--matcher-set tolerance=1")),
        (("--set", "step=4", "--set", "step=8"), ("'step' twice",)),
        (("--matcher-set", "step=4"), ("'step'", "tolerance")),
        (("--matcher-set", "tolerance=-1"), ("tolerance", "-1")),
        (("--margin", "-1"), ("margin must be an integer of at least 0",)),
        (("--verify", "homografy"), ("'homografy'", "did you mean 'homography'", "neighbours")),
        (("--verify", "descr.matchers:SoftArgmax"), ("is not a verifier",)),
        (("--verify", "affine", "--verify-set", "treshold=1"), ("'treshold'", "'threshold'")),
        (("--verify", "affine", "--verify-set", "threshold=-1"), ("threshold", "-1")),
        (("--verify", "affine", "--verify-set", "three"), ("KEY=VALUE", "threshold=5")),
        (("--verify-set", "threshold=1"), ("--verify-set has nothing to do without --verify",)),
        (("--rejected",), ("--rejected has nothing to do without --verify",)),
        (("--device", "abacus"), ("'abacus'",)),
        (("--min-score", "1.5"), ("--min-score", "1.5")),
        (("--min-score", "nan"), ("--min-score", "nan")),
        (("--min-score", "high"), ("--min-score",)),
        (("--max-matches", "0"), ("--max-matches", "0")),
        (("--max-matches", "many"), ("--max-matches",)),
        (("--max-matches", "5", "--points", "3,3"), ("--max-matches", "--points")),
        (("--max-match", "5"), ("no such option: --max-match", "did you mean --max-matches")),
        (("--max", "5"), ("no such option: --max", "did you mean --max-matches")),
        (("--nonsense",), ("no such option: --nonsense", "--points", "--matcher")),
        (("c.png",), ("c.png",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_option_that_is_wrong(
    descr: Any, arguments: tuple[str, ...], says: tuple[str, ...]
) -> None:
    descr("match", A, B, *arguments, "-o", "m.csv").refused(*says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("mach", A, B), ("'mach'", "did you mean match?", "extract, search")),
        (("match", A), ("'B'",)),
        (("match", A, B, "--points"), ("--points", "see descr match --help")),
        (("extract", A), ("--output",)),
        (("info",), ("FILE",)),
        (("--nonsense",), ("no such option: --nonsense", "--version")),
    ],
)
def test_a_command_line_that_makes_no_sense(
    descr: Any, arguments: tuple[str, ...], says: tuple[str, ...]
) -> None:
    descr(*arguments).refused(*says)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("m.gif", ("'.gif'", ".csv", ".json", ".nc", ".png")),
        ("m", ("has no suffix", ".csv")),
        ("m.csv.gz", ("'.gz'",)),
        ("gone/m.csv", ("gone",)),
        ("a.png/m.csv", ("a.png",)),
        ("/proc/m.csv", ("/proc/m.csv",)),
        ("mess/folder.csv", ("mess/folder.csv", "directory")),
        ("a.png", ("a.png would overwrite an input",)),
        ("mess/link.png", ("mess/link.png would overwrite an input",)),
        (f"{'m' * 300}.csv", ("too long",)),
    ],
)
def test_an_output_that_cannot_be_written(
    descr: Any, mess: Path, output: str, says: tuple[str, ...]
) -> None:
    (mess / "folder.csv").mkdir()
    (mess / "link.png").symlink_to("../b.png")
    descr("match", A, B, "-o", "good.csv", "-o", output, *FAST).refused(*says)


def test_an_output_over_the_points_or_a_mask(descr: Any, mess: Path) -> None:
    (mess / "points.csv").write_text("x,y\n3,3\n")
    PIL.Image.new("L", (96, 64), 255).save(mess / "mask.png")
    points = ("--points", "mess/points.csv")
    descr("match", A, B, *points, "-o", "mess/points.csv").refused("points.csv would overwrite")
    mask = ("--mask-a", "mess/mask.png")
    descr("match", A, B, *mask, "-o", "mess/mask.png").refused("mask.png would overwrite")
    assert (mess / "points.csv").read_text() == "x,y\n3,3\n"


def test_an_output_twice(descr: Any) -> None:
    descr("match", A, B, "-o", "m.csv", "-o", "./m.csv").refused("m.csv is given twice")


def test_a_wrong_suffix_is_noticed_before_a_missing_file(descr: Any) -> None:
    descr("match", "gone.jpg", B, "-o", "m.gif").refused("'.gif'")


@pytest.fixture
def feature_file(descr: Any, mess: Path) -> Path:
    assert descr("extract", A, "-o", "mess", *FAST).code == 0
    return Path("mess/a.png.nc")


def test_a_drawing_of_a_feature_file_whose_photograph_is_gone(
    descr: Any, feature_file: Path, mess: Path
) -> None:
    (mess / "deeper").mkdir()
    moved = feature_file.rename(mess / "deeper" / "moved.nc").relative_to(Path.cwd())
    done = descr("match", moved, B, "-o", "m.png")
    done.refused("m.png: drawing needs the photographs", "no photograph of mess/deeper/moved.nc")
    done.refused("at mess/a.png, mess/deeper/moved, mess/deeper/a.png", "--images FOLDER")
    assert done.hints[0].endswith("or write .csv, .json or .nc")
    done = descr("match", moved, B, "-o", "m.png", "--images", "mess")
    done.refused("mess/deeper/a.png, below mess")
    PIL.Image.open(B).save(mess / "a.png")
    done = descr("match", moved, B, "-o", "m.png", "--images", "mess")
    done.refused("(mess/a.png has other pixels; mess/a.png has other pixels)")


def test_folders_of_photographs_that_are_none(descr: Any, feature_file: Path) -> None:
    pair = ("match", feature_file, B)
    descr(*pair, "--images", "gone").refused("--images gone: no such folder")
    descr(*pair, "--images", A).refused("--images a.png: no such folder")
    descr("match", A, B, "--images", ".").refused("--images has nothing to do")


def test_a_drawing_over_the_photograph_of_a_feature_file(descr: Any, feature_file: Path) -> None:
    pair = (feature_file, B)
    for command in (
        ("match", *pair, "-o", A),
        ("transfer", *pair, "--points", "5,5", "-o", A),
        ("flow", B, feature_file, "--warp", "w.png", "--draw", A),
        ("show", *pair, "-o", A),
        ("swap", *pair, "--whole", "-o", "s.png", "--also", A),
    ):
        descr(*command).refused("a.png would overwrite an input")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (("--set", "step=4"), "sift: sift/scale_1: size 96 against 768, step 8 against 4"),
        (
            ("--set", "scales=1,2", *FAST),
            "sift: the layers sift/scale_1 against sift/scale_1, sift",
        ),
        (
            ("--descriptor", "dinov2", "--set", f"model={DINOV2}", "--set", "size=112"),
            "dinov2/token",
        ),
    ],
)
def test_a_descriptor_that_does_not_go_with_a_feature_file(
    descr: Any, feature_file: Path, settings: tuple[str, ...], says: str
) -> None:
    done = descr("match", feature_file, B, *settings, "-o", "m.csv")
    done.refused(f"mess/a.png.nc does not go with {says}" if "sift" in says else says)
    assert done.hints == ["hint: leave out --descriptor and --set to take the recipe of the file"]
    assert all(len(line) < 160 for line in done.err.splitlines())


def test_feature_files_of_two_recipes_beside_a_photograph(descr: Any, feature_file: Path) -> None:
    assert descr("extract", B, "-o", "mess", *FAST, "--set", "step=4").code == 0
    done = descr("show", feature_file, "mess/b.png.nc", A, "-o", "s.png")
    says = "mess/b.png.nc does not go with mess/a.png.nc: sift/scale_1: step 4 against 8"
    done.refused(says, "extract both with the same descriptor and settings")


def test_a_feature_file_whose_descriptor_is_not_here(descr: Any, mess: Path) -> None:
    Path("mess/mine.py").write_text(own_classes.NETWORK.format(by=1))
    with contextlib.chdir("mess"):
        options = ("--descriptor", "mine:Network", "-o", ".")
        assert descr("extract", "../a.png", *options).code == 0
        Path("mine.py").unlink()
        del sys.modules["mine"]
        done = descr("match", "a.png.nc", "../b.png")
    done.refused("'mine:Network', which is no class that can be found", "--descriptor and --set")


def test_a_descriptor_for_feature_files(descr: Any, feature_file: Path) -> None:
    done = descr("match", feature_file, feature_file, *FAST)
    done.refused("--descriptor and --set have nothing to do")


@pytest.mark.parametrize("where", ["start", "middle", "end", "gone"])
def test_a_damaged_feature_file(descr: Any, feature_file: Path, where: str) -> None:
    data = bytearray(feature_file.read_bytes())
    if where == "gone":
        data = data[: len(data) // 2]
    else:
        at = {"start": 1, "middle": len(data) // 2, "end": len(data) - 40}[where]
        data[at] ^= 0xFF
    feature_file.write_bytes(data)
    descr("match", feature_file, B, *FAST, "-o", "m.csv").refused("a.png.nc")
    descr("info", feature_file).refused("a.png.nc")


def test_a_feature_file_that_is_another_dataset(descr: Any, mess: Path) -> None:
    xr.Dataset({"t": ("x", np.arange(3.0))}).to_netcdf(mess / "weather.nc")
    for arguments in (("match", "mess/weather.nc", B), ("info", "mess/weather.nc")):
        descr(*arguments).refused("mess/weather.nc", "not a feature file")
    descr("info", A).refused("a.png", "not a feature file")
    descr("info", "gone.nc").refused("no such file: gone.nc")


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("a.png", "a.png is not a folder"),
        ("a.png/deeper", "a.png is not a folder"),
        ("/proc/features", "/proc/features"),
        (f"{'f' * 300}", "can't be made"),
    ],
)
def test_a_folder_that_cannot_be_written(descr: Any, output: str, says: str) -> None:
    descr("extract", A, B, "-o", output, *FAST).refused(says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("mess",), "mess holds no image"),
        ((A, "--descriptor", "sfit"), "'sfit'"),
        ((A, "--device", "cpu"), "--device"),
    ],
)
def test_an_extraction_that_cannot_begin(
    descr: Any, mess: Path, arguments: tuple[str, ...], says: str
) -> None:
    descr("extract", *arguments, "-o", "features").refused(says)


def numbers() -> dict[str, str]:
    """Every option of a command that takes a number, and how a message calls its kind."""
    kinds = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        if command.hidden:
            continue
        for parameter in inspect.signature(command.callback or app).parameters.values():
            union = typing.get_args(parameter.annotation)[:1]
            kind = (typing.get_args(*union) or union)[0] if union else None
            if kind in (int, float):
                option = f"--{parameter.name.replace('_', '-')}"
                kinds[f"{name} {option}"] = "an integer" if kind is int else "a number"
    return kinds


NUMBERS = numbers()


def test_commands_take_numbers() -> None:
    assert {"match --min-score", "flow --smooth", "swap --gif-frames"} <= NUMBERS.keys()


@pytest.mark.parametrize("value", ["abc", "1.5e", ""])
@pytest.mark.parametrize("words", NUMBERS)
def test_a_number_that_is_none(descr: Any, words: str, value: str) -> None:
    command, option = words.split()
    done = descr(command, A, B, option, value)
    done.refused(f"not {value!r}")
    assert done.errors[0].startswith(f"error: {option} must be {NUMBERS[words]}")
    assert done.hints[0].startswith(f"hint: {option} ")


def test_an_integer_with_a_fraction_or_below_the_least(descr: Any) -> None:
    done = descr("swap", A, B, "--gif-frames", "1.5")
    assert done.errors == ["error: --gif-frames must be an integer, not '1.5'"]
    done = descr("evaluate", "tss", ".", "--sample", "0")
    assert done.errors == ["error: --sample must be an integer of at least 1, not '0'"]


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("show --as cluster", "pca, clusters, map, layers, compare, similarity"),
        ("swap --blend cluster", "feather, poisson, none"),
    ],
)
def test_a_choice_that_is_none(descr: Any, words: str, allowed: str) -> None:
    command, option, value = words.split()
    done = descr(command, A, B, option, value)
    done.refused()
    assert done.errors == [f"error: {option} must be one of {allowed}, not {value!r}"]
    near = "did you mean clusters? " if command == "show" else ""
    assert done.hints == [f"hint: {near}see descr {command} --help"]
