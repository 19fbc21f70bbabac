"""What becomes of a command whose standard output or standard error can't be written."""

import contextlib
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "descr.cli")
MATCH = ("match", "a.png", "b.png", "--set", "size=96")
NO_SPACE = "error: cannot write to standard output: No space left on device"
HAS_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")

pytestmark = pytest.mark.usefixtures("folder")


def shell(line: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell run, in which DESCR stands for the program with these arguments."""
    command = line.replace("DESCR", shlex.join([*PROGRAM, *arguments]))
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)


def without_notes(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(("descriptor: ", "memory: "))]


@HAS_FULL
@pytest.mark.parametrize(
    "arguments",
    [MATCH, (*MATCH, "--json"), ("--help",), ("match", "--help"), ("--version",), ("matchers",)],
    ids=" ".join,
)
def test_a_full_disk_behind_standard_output_is_one_line(arguments: tuple[str, ...]) -> None:
    done = shell("DESCR > /dev/full", *arguments)
    assert without_notes(done.stderr) == [NO_SPACE]
    assert done.returncode == 2


@HAS_FULL
def test_what_a_class_of_the_user_prints_ends_in_the_same_line(folder: Path) -> None:
    (folder / "loud.py").write_text(
        "from descr.descriptors import SIFT\n"
        "class Loud(SIFT):\n"
        "    def extract(self, images):\n"
        "        print('working')\n"
        "        return super().extract(images)\n"
    )
    done = shell("DESCR > /dev/full", *MATCH, "--descriptor", "loud:Loud", "-o", "m.csv")
    assert without_notes(done.stderr) == [NO_SPACE]
    assert done.returncode == 2


def test_a_closed_standard_output_is_one_line_before_the_work() -> None:
    done = shell("DESCR >&-", *MATCH, "-o", "m.csv")
    assert done.stderr == "error: cannot write to standard output: it is closed\n"
    assert done.returncode == 2
    assert not Path("m.csv").exists()


@pytest.mark.parametrize("arguments", [("--help",), ("match", "--help")])
def test_help_that_nobody_reads_on_is_no_error(arguments: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


@HAS_FULL
@pytest.mark.parametrize("where", ["2> /dev/full", "2>&-"])
def test_the_exit_code_is_right_where_nothing_can_be_said(where: str) -> None:
    done = shell(f"DESCR {where}", "match", "gone.png", "b.png")
    assert (done.returncode, done.stdout) == (2, "")
    done = shell(f"DESCR {where}", *MATCH, "-o", "m.csv")
    assert done.returncode == 0
    assert "m.csv" in done.stdout


def terminal(*arguments: str, **environment: str) -> str:
    """What the program writes to a terminal of 80 columns, whichever stream it is."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    ):
        os.close(slave)
        written = b""
        # Linux reports the end of a terminal as an error.
        with contextlib.suppress(OSError):
            while part := os.read(master, 65536):
                written += part
    os.close(master)
    return written.decode()


COLORFUL = [
    ("match", "gone.png", "b.png"),
    ("match", "a.png", "b.png", "--min-score", "abc"),
    ("matchers",),
]


@pytest.mark.parametrize("arguments", COLORFUL, ids=" ".join)
def test_a_terminal_shows_colours_unless_it_or_the_user_has_none(
    arguments: tuple[str, ...],
) -> None:
    assert "\x1b[" in terminal(*arguments)
    assert "\x1b[" in terminal(*arguments, NO_COLOR="")
    assert "\x1b" not in terminal(*arguments, NO_COLOR="1")
    assert "\x1b" not in terminal(*arguments, NO_COLOR="1", FORCE_COLOR="1")
    assert "\x1b" not in terminal(*arguments, TERM="dumb")


def test_help_has_no_colours() -> None:
    for arguments in ((), ("--help",), ("match", "--help"), ("models", "--help")):
        assert "\x1b" not in terminal(*arguments, NO_COLOR="1")


def test_progress_has_no_colours_either() -> None:
    extract = ("extract", "a.png", "b.png", "--set", "size=96", "-o", "features", "--force")
    colours = r"\x1b\[[0-9;]*m"
    assert re.search(colours, terminal(*extract))
    assert not re.search(colours, terminal(*extract, NO_COLOR="1"))


@pytest.mark.parametrize("arguments", COLORFUL, ids=" ".join)
def test_elsewhere_colours_are_asked_for(arguments: tuple[str, ...]) -> None:
    done = shell("DESCR", *arguments)
    assert "\x1b" not in done.stdout + done.stderr
    done = shell("FORCE_COLOR=1 DESCR", *arguments)
    assert "\x1b[" in done.stdout + done.stderr


def test_progress_is_for_terminals_whatever_the_colours() -> None:
    done = shell("FORCE_COLOR=1 DESCR", *MATCH)
    assert done.stderr.startswith("descriptor: sift")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("match", "m.csv"),
        ("match", "m.json"),
        ("match", "m.nc"),
        ("match", "m.png"),
        ("transfer", "t.nc"),
        ("flow", "f.flo"),
        ("flow", "f.nc"),
        ("flow", "f.png"),
        ("swap", "s.nc"),
    ],
)
def test_an_output_for_which_there_is_no_room_is_named(command: str, output: str) -> None:
    options = {"transfer": ["--points", "9,9"], "swap": ["--whole"]}.get(command, [])
    # At most one block of a file can be written.
    done = shell("ulimit -f 1; DESCR", command, *MATCH[1:], *options, "-o", output)
    (error, hint) = without_notes(done.stderr)
    reason = "the file would be larger than is allowed"
    assert error == f"error: {output}: can't be written: {reason}"
    assert hint == "hint: make room, or choose another place"
    assert (done.returncode, done.stdout) == (2, "")
    assert sorted(path.name for path in Path().iterdir()) == ["a.png", "b.png"]


HOSTILE = "a\x1b]0;title\x07\x1b[2J\u202e\x9b[red][link]\udcff.png"
SHOWN = r"a\x1b]0;title\x07\x1b[2J\u202e\x9b[red][link]"


def test_a_terminal_shows_a_name_and_does_not_obey_it(folder: Path) -> None:
    (folder / "a.png").rename(folder / HOSTILE)
    wide = {"COLUMNS": "300"}
    for arguments, where in (
        (
            ("match", HOSTILE, "b.png", "--set", "size=96"),
            rf"images\s+{re.escape(SHOWN)}\ufffd.png \(96 x",
        ),
        (("extract", ".", "-o", "f"), "f: 2 extracted"),
        (("info", f"f/{HOSTILE}.nc"), re.escape(rf"file        f/{SHOWN}\udcff.png.nc")),
        (
            ("extract", "b.png", "-o", HOSTILE.replace("\udcff.png", "")),
            re.escape(f"{SHOWN}: 1 extracted"),
        ),
    ):
        written = terminal(*arguments, **wide)
        # Colours, and the movements of a bar on its own line.
        plain = re.sub(r"\x1b\[[0-9;?]*[mKAhl]", "", written)
        assert re.search(where, plain), plain
        assert not set("\x1b\x07\x9b\u202e") & set(plain), ascii(written)
        assert "\x1b[2J" not in written


def test_names_go_into_files_as_they_are(folder: Path) -> None:
    (folder / "a.png").rename(folder / HOSTILE)
    (folder / "p.json").write_text(r'[{"name": "eye\ud800\u001b", "x": 9, "y": 9}]')
    outputs = [part for suffix in ("csv", "json", "nc", "png") for part in ("-o", f"m.{suffix}")]
    command = ["transfer", HOSTILE, "b.png", "--set", "size=96", "--points", "p.json"]
    done = shell("DESCR", *command, *outputs)
    assert done.returncode == 0, done.stderr
    assert r"eye?\x1b" in done.stdout
    document = json.loads((folder / "m.json").read_text())
    assert document["matches"][0]["name"] == "eye?\x1b"
    assert document["source"]["path"] == HOSTILE
    assert (folder / "m.csv").read_text().splitlines()[1].startswith("eye?\x1b,")


def test_tracebacks_warnings_and_logs_of_debug_are_printable(folder: Path) -> None:
    (folder / "noisy.py").write_text(
        "import logging, warnings\n"
        "from descr.descriptors import SIFT\n"
        "class Noisy(SIFT):\n"
        "    def extract(self, images):\n"
        "        warnings.warn('warned \\x1b[2J')\n"
        "        logging.getLogger('noise').warning('logged \\x1b[2J')\n"
        "        raise ValueError('raised \\x1b[2J')\n"
    )
    done = shell("DESCR", *MATCH, "--descriptor", "noisy:Noisy", "--debug")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "    raise ValueError" in done.stderr
    for word in ("UserWarning: warned", "logged", "ValueError: raised"):
        assert rf"{word} \x1b[2J" in done.stderr


def test_what_an_encoding_lacks_is_escaped(folder: Path) -> None:
    (folder / "a.png").rename(folder / "猫.png")
    done = shell("PYTHONIOENCODING=latin-1 DESCR", "match", "猫.png", "b.png", "--set", "size=96")
    assert done.returncode == 0, done.stderr
    assert r"\u732b.png (" in done.stdout


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png", ".gif"])
def test_a_picture_that_lacks_its_last_bytes_is_not_written(suffix: str) -> None:
    gif = ("--whole", "-o", "s.png", "--gif") if suffix == ".gif" else ("-o",)
    command = ("swap" if suffix == ".gif" else "show", *MATCH[1:], *gif)
    assert shell("DESCR", *command, f"whole{suffix}").returncode == 0
    size = Path(f"whole{suffix}").stat().st_size
    limited = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size - 1}, {size - 1}))\n"
        "from descr.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, *command, f"part{suffix}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"error: part{suffix}: can't be written: the file would be larger" in done.stderr
    assert not Path(f"part{suffix}").exists()


def test_a_line_that_is_said_during_a_bar_has_a_line_of_its_own(folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"no image")
    written = terminal("extract", "a.png", "bad.png", "-o", "f", "--set", "size=96")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written)
    before = plain.partition("error: bad.png")[0]
    assert before != plain
    assert before.endswith(("\n", "\x1b[2K")), before[-80:]
