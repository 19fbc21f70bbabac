import json
import os
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import psutil
import pytest
import xarray as xr
from descr.descriptors import SIFT
from descr.descriptors.store import load_features
from support.signals import exit_code, started

FAST = ("--set", "size=96")


def listing(folder: str) -> list[str]:
    """The names in a folder, without what is hidden."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def statuses(done: Any) -> dict[str, str]:
    return {entry["file"]: entry["status"] for entry in json.loads(done.out)["files"]}


def test_a_file_is_kept_for_each_image(descr: Any, folder: Path) -> None:
    done = descr("extract", "a.png", "b.png", "-o", "deep/features", *FAST, "--lossless")
    assert done.code == 0
    assert done.out.startswith("deep/features: 2 extracted (")
    assert listing("deep/features") == ["a.png.nc", "b.png.nc"]
    wanted = SIFT(size=96).extract(["a.png"])[0]
    got = load_features("deep/features/a.png.nc")
    assert got.attrs["image_sha256"] == wanted.attrs["image_sha256"]
    xr.testing.assert_identical(
        got["sift/scale_1"].to_dataset(), wanted["sift/scale_1"].to_dataset()
    )


def test_a_rounded_file_is_smaller_and_close(descr: Any) -> None:
    descr("extract", "a.png", "-o", "exact", *FAST, "--lossless")
    descr("extract", "a.png", "-o", "rounded", *FAST)
    exact, rounded = Path("exact/a.png.nc"), Path("rounded/a.png.nc")
    assert rounded.stat().st_size < exact.stat().st_size
    np.testing.assert_allclose(
        load_features(rounded)["sift/scale_1"]["features"],
        load_features(exact)["sift/scale_1"]["features"],
        rtol=2**-11,
    )


def test_what_is_there_is_kept_and_not_touched(descr: Any) -> None:
    descr("extract", "a.png", "-o", "f", *FAST)
    written = Path("f/a.png.nc").stat()
    done = descr("extract", "a.png", "b.png", "-o", "f", *FAST, "--json")
    assert statuses(done) == {"f/a.png.nc": "kept", "f/b.png.nc": "extracted"}
    after = Path("f/a.png.nc").stat()
    assert (after.st_ino, after.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_other_settings_are_redone(descr: Any) -> None:
    descr("extract", "a.png", "-o", "f", *FAST)
    done = descr("extract", "a.png", "-o", "f", *FAST, "--set", "step=4", "--json")
    assert statuses(done) == {"f/a.png.nc": "redone"}
    assert "made otherwise (sift/scale_1: step 8 against 4), extracted again" in done.err
    assert "step=4" in load_features("f/a.png.nc").attrs["descriptor"]


def test_another_image_of_that_name_is_redone(descr: Any) -> None:
    descr("extract", "a.png", "-o", "f", *FAST)
    Path("b.png").replace("a.png")
    done = descr("extract", "a.png", "-o", "f", *FAST, "--json")
    assert statuses(done) == {"f/a.png.nc": "redone"}
    assert "of another image" in done.err


@pytest.mark.parametrize("damage", ["cut off", "flipped", "empty"])
def test_a_damaged_file_is_redone(descr: Any, damage: str) -> None:
    descr("extract", "a.png", "-o", "f", *FAST)
    path = Path("f/a.png.nc")
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    path.write_bytes({"cut off": good[:-100], "flipped": bytes(flipped), "empty": b""}[damage])
    done = descr("extract", "a.png", "-o", "f", *FAST, "--json")
    assert statuses(done) == {"f/a.png.nc": "redone"}
    assert "f/a.png.nc: damaged" in done.err
    load_features(path)


def test_a_file_of_something_else_is_left_alone_unless_forced(descr: Any) -> None:
    path = Path("f/a.png.nc")
    path.parent.mkdir()
    path.write_text("somebody's notes")
    done = descr("extract", "a.png", "b.png", "-o", "f", *FAST, "--json")
    assert done.code == 2
    assert statuses(done) == {"f/a.png.nc": "failed", "f/b.png.nc": "extracted"}
    assert "error: f/a.png.nc: is not a feature file" in done.err
    assert "hint: move it away, or write over it with --force" in done.err
    assert path.read_text() == "somebody's notes"
    assert descr("extract", "a.png", "-o", "f", *FAST, "--force").code == 0
    load_features(path)


def test_all_are_redone_on_request(descr: Any) -> None:
    descr("extract", "a.png", "-o", "f", *FAST)
    done = descr("extract", "a.png", "-o", "f", *FAST, "--force", "--json")
    assert statuses(done) == {"f/a.png.nc": "redone"}


def test_a_bad_image_does_not_stop_the_others(descr: Any) -> None:
    Path("text.jpg").write_text("no photograph")
    done = descr("extract", "a.png", "text.jpg", "gone.jpg", "b.png", "-o", "f", *FAST, "--json")
    assert done.code == 2
    assert [line.split()[1] for line in done.errors] == ["text.jpg", "no"]
    assert statuses(done) == {
        "f/a.png.nc": "extracted",
        "f/text.jpg.nc": "failed",
        "f/gone.jpg.nc": "failed",
        "f/b.png.nc": "extracted",
    }
    assert listing("f") == ["a.png.nc", "b.png.nc"]


def test_no_folder_is_left_if_nothing_came_of_it(descr: Any) -> None:
    done = descr("extract", "gone.jpg", "-o", "deep/f", *FAST)
    assert done.code == 2
    assert done.errors == ["error: no such file: gone.jpg"]
    assert not Path("deep").exists()


def test_a_folder_stands_for_its_images(descr: Any) -> None:
    Path("photographs").mkdir()
    Path("a.png").rename("photographs/b.PNG")
    Path("b.png").rename("photographs/a.png")
    Path("photographs/notes.txt").write_text("no image")
    PIL.Image.open("photographs/a.png").save("photographs/.hidden.png")
    done = descr("extract", "photographs", "-o", "f", *FAST, "--json")
    assert list(statuses(done)) == ["f/a.png.nc", "f/b.PNG.nc"]


def photographs(*names: str) -> None:
    """Images at these paths, each of its own."""
    rng = np.random.default_rng(0)
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)).save(name)


def test_folders_inside_keep_their_paths(descr: Any) -> None:
    photographs("p/x.png", "p/a/x.png", "p/a/b/y.png", "p/.hidden/x.png", "p/a/.x.png")
    photographs("p/features/drawn.png")
    Path("p/a/empty").mkdir()
    run = ("extract", "p", "-o", "p/features", *FAST, "--json")
    expected = [f"p/features/{name}.png.nc" for name in ("a/b/y", "a/x", "x")]
    assert statuses(descr(*run)) == dict.fromkeys(expected, "extracted")
    assert sorted(map(str, Path("p/features").rglob("*.nc"))) == expected
    assert load_features("p/features/a/x.png.nc").attrs["image_path"] == "../../a/x.png"
    assert statuses(descr(*run)) == dict.fromkeys(expected, "kept")


def test_links_are_followed_once(descr: Any) -> None:
    photographs("p/a/x.png", "q/y.png")
    Path("p/a/up").symlink_to("..")
    Path("p/a/other").symlink_to("../../q")
    Path("q/back").symlink_to("../p/a")
    done = descr("extract", "p", "-o", "f", *FAST, "--json")
    assert list(statuses(done)) == ["f/a/other/y.png.nc", "f/a/x.png.nc"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["one", "two"], ["one/x", "two/x", "two/y"]),
        (["one", "one/../two"], ["one/x", "two/x", "two/y"]),
        (["one/x.png", "two/y.png"], ["x", "y"]),
        (["one/x.png", "two/x.png"], ["one/x", "two/x"]),
        (["one/x.png", "two"], ["x", "two/x", "two/y"]),
        (["deep/one", "one", "two"], ["deep/one/x", "one/x", "two/x", "two/y"]),
        (["two", "two/."], ["x", "y"]),
        (["deep", "deep/one"], ["deep/one/x", "one/x"]),
        (["deep/one/x.png", "deep/one"], ["x", "one/x"]),
        (["two/../two/x.png"], ["x"]),
    ],
    ids=" ".join,
)
def test_what_goes_by_one_name_keeps_its_folder(
    descr: Any, arguments: list[str], expected: list[str]
) -> None:
    photographs("one/x.png", "two/x.png", "two/y.png", "deep/one/x.png")
    for inputs in (arguments, [os.path.abspath(path) for path in arguments]):
        done = descr("extract", *inputs, "-o", "f", *FAST, "--json")
        assert list(statuses(done)) == [f"f/{name}.png.nc" for name in expected]
    assert set(statuses(done).values()) == {"kept"}
    assert sorted(os.listdir()) == ["a.png", "b.png", "deep", "f", "one", "two"]


def test_a_folder_in_the_way_is_named(descr: Any, contents: Any) -> None:
    photographs("p/a/x.png", "p/y.png")
    Path("f").mkdir()
    Path("f/a").write_text("notes")
    before = contents()
    descr("extract", "p", "-o", "f", *FAST).refused("f/a: the folder can't be made")
    assert contents() == before


def test_the_way_to_the_photograph_is_recorded(descr: Any, folder: Path) -> None:
    Path("real").mkdir()
    Path("deep").mkdir()
    Path("deep/link").symlink_to("../real")
    name = os.fsdecode(b"\xff.png")
    Path(name).write_bytes(Path("b.png").read_bytes())
    assert descr("extract", folder / "a.png", name, "-o", "deep/link", *FAST).code == 0
    assert load_features("real/a.png.nc").attrs["image_path"] == "../a.png"
    assert "image_path" not in load_features(f"real/{name}.nc").attrs


def test_an_image_given_twice_is_extracted_once(descr: Any) -> None:
    done = descr("extract", "a.png", "./a.png", "-o", "f", *FAST, "--json")
    assert statuses(done) == {"f/a.png.nc": "extracted"}


def test_one_name_with_two_suffixes_makes_two_files(descr: Any) -> None:
    PIL.Image.open("a.png").save("a.jpg")
    descr("extract", "a.png", "a.jpg", "-o", "f", *FAST)
    assert listing("f") == ["a.jpg.nc", "a.png.nc"]


def test_what_a_killed_run_left_is_removed_once_it_is_old(descr: Any) -> None:
    Path("f").mkdir()
    old, young = Path("f/.descr-0123456789abcdef.nc"), Path("f/.descr-fedcba9876543210.nc")
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 3600,) * 2)
    descr("extract", "a.png", "-o", "f", *FAST)
    assert not old.exists()
    assert young.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_whole_files_and_goes_on(
    descr: Any, folder: Path, number: signal.Signals
) -> None:
    Path("many").mkdir()
    rng = np.random.default_rng(0)
    for index in range(24):
        pixels = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(f"many/{index:02}.png")
    extract = ("extract", "many", "-o", "f", "--descriptor", "sift", "--set", "size=384")
    with started([sys.executable, "-m", "descr.cli", *extract]) as running:
        deadline = time.monotonic() + 60
        while len(list(Path("f").glob("[!.]*.nc"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
        running.send_signal(number)
        _, err = running.communicate(timeout=60)
    expected = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}
    assert exit_code(running) == expected[number]
    assert "Traceback" not in err
    whole = list(Path("f").glob("[!.]*.nc"))
    assert 3 <= len(whole) < 24
    for path in whole:
        load_features(path)
    if number != signal.SIGKILL:
        assert not list(Path("f").glob(".descr-*"))
    done = descr(*extract, "--json")
    counts = list(statuses(done).values())
    assert counts.count("kept") == len(whole)
    assert counts.count("extracted") == 24 - len(whole)


def test_a_feature_file_is_not_extracted_again(descr: Any) -> None:
    descr("extract", "a.png", "-o", "f", *FAST)
    Path("plain").write_bytes(Path("f/a.png.nc").read_bytes())
    done = descr("extract", "f/a.png.nc", "plain", "b.png", "-o", "g", *FAST, "--json")
    assert done.code == 2
    assert done.errors == [
        "error: f/a.png.nc is a feature file already",
        "error: plain is a feature file already",
    ]
    assert listing("g") == ["b.png.nc"]


def test_a_fault_of_the_descriptor_is_said_once(descr: Any) -> None:
    Path("mine.py").write_text(
        "from descr.descriptors import SIFT\n"
        "from descr.descriptors.errors import WeightsNotFoundError\n"
        "class Lost(SIFT):\n"
        "    def extract(self, images):\n"
        "        raise WeightsNotFoundError('mine.safetensors: gone')\n"
    )
    done = descr("extract", "a.png", "b.png", "-o", "f", "--descriptor", "mine:Lost")
    done.refused("mine.safetensors: gone")
    assert not Path("f").exists()


@pytest.mark.parametrize("room", [0, 1])
def test_a_disk_that_is_full_on_the_way_keeps_what_is_whole(
    descr: Any, full_disk: Any, room: int
) -> None:
    command = ("extract", "a.png", "b.png", "-o", "f", *FAST)
    with full_disk(room):
        done = descr(*command)
    name = ["a.png.nc", "b.png.nc"][room]
    done.refused(f"f/{name}: can't be written: the disk is full", "make room")
    left = listing("f") if Path("f").exists() else []
    assert left == ["a.png.nc"][:room]
    assert Path("f").exists() == bool(room)
    again = descr(*command, "--json")
    assert list(statuses(again).values()) == [*["kept"] * room, *["extracted"] * (2 - room)]
    descr("extract", "a.png", "b.png", "-o", "undisturbed", *FAST)
    for name in ("a.png.nc", "b.png.nc"):
        xr.testing.assert_identical(
            load_features(f"f/{name}")["sift/scale_1"].to_dataset(),
            load_features(f"undisturbed/{name}")["sift/scale_1"].to_dataset(),
        )


SLOW = """
import time

from descr.descriptors import Backbone, Layer
from own_gain import GAIN


class Slow(Backbone):
    layers = [Layer("grid", 8)]

    def __init__(self, *, seconds=0):
        super().__init__(size=64, device="cpu")
        self.seconds = seconds

    def forward(self, pixels):
        time.sleep(self.seconds)
        return {"grid": pixels[:, :, ::8, ::8] + GAIN}
"""


def test_workers_stop_by_an_interrupt_and_the_same_command_goes_on(
    descr: Any, folder: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("slow.py").write_text(SLOW)
    Path("own_gain.py").write_text("GAIN = 1")
    command = (*("extract", "a.png", "b.png", "-o", "f"), "--descriptor", "slow:Slow")
    program = [sys.executable, "-m", "descr.cli", *command, "--set", "seconds=60", "--workers", "1"]
    with started(program) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == "descriptor: slow:Slow\n"
        assert running.stderr.readline().startswith("workers: 1, dashboard: http://127.0.0.1:")
        process = psutil.Process(running.pid)
        # As a terminal does, of which all processes get it.
        for one in (*process.children(recursive=True), process):
            one.send_signal(signal.SIGINT)
        _, rest = running.communicate(timeout=60)
    assert exit_code(running) == 130
    assert rest == "interrupted\n"

    monkeypatch.setattr("descr.descriptors.open_cluster", lambda *_, **__: nullcontext(client))
    done = descr(*command, "--workers", "auto", "--json")
    assert statuses(done) == {"f/a.png.nc": "extracted", "f/b.png.nc": "extracted"}
    assert statuses(descr(*command, "--json")) == {"f/a.png.nc": "kept", "f/b.png.nc": "kept"}
    fit = ("basis", "fit", "f", "--components", "2", "--json")
    done = descr(*fit, "-o", "there.nc", "--workers", "2")
    assert f"workers: 2, dashboard: {client.dashboard_link}" in done.err
    here, there = json.loads(descr(*fit, "-o", "here.nc").out), json.loads(done.out)
    assert here["identity"] == there["identity"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--workers", "0"), ("--workers must be auto or an integer of at least 1, not '0'",)),
        (("--workers", "2", "--scheduler", "tcp://a:1"), ("exclude each other",)),
    ],
)
def test_workers_that_cannot_be_had_are_refused(descr: Any, options: Any, words: Any) -> None:
    descr("extract", "a.png", "-o", "f", *options).refused(*words)
