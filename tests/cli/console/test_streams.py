"""What becomes of a command whose standard output or standard error can't be written."""

import contextlib
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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


SEVERAL = """
import json, os, sys
from descr.cli.main import run
before = dict(os.environ)
for environment, arguments in json.loads(sys.argv[1]):
    os.environ.update(environment)
    run(arguments)
    sys.stdout.flush()
    os.write(1, b"\\0")
    os.environ.clear()
    os.environ.update(before)
"""


def terminal(*commands: Sequence[str], **environment: str) -> list[str]:
    """What the commands write to a terminal of 80 columns, whichever stream it is.

    They run one after the other in one process: loading the library takes most of the time.
    """
    return terminal_with(*((environment, one) for one in commands))


def terminal_with(*commands: tuple[Mapping[str, str], Sequence[str]]) -> list[str]:
    """The same, each command with variables of the environment of its own."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SEVERAL, json.dumps(commands)],
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color"},
    ):
        os.close(slave)
        written = b""
        # Linux reports the end of a terminal as an error.
        with contextlib.suppress(OSError):
            while part := os.read(master, 65536):
                written += part
    os.close(master)
    *parts, rest = written.decode().split("\0")
    assert (len(parts), rest) == (len(commands), ""), written
    return parts


COLORFUL = [
    ("match", "gone.png", "b.png"),
    ("match", "a.png", "b.png", "--min-score", "abc"),
    ("matchers",),
]


def test_a_terminal_shows_colours_unless_it_or_the_user_has_none() -> None:
    some: list[dict[str, str]] = [{}, {"NO_COLOR": ""}]
    none = [{"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"TERM": "dumb"}]
    cases = [(environment, one) for one in COLORFUL for environment in (*some, *none)]
    for (environment, one), written in zip(cases, terminal_with(*cases), strict=True):
        assert written
        assert ("\x1b" in written) == (environment in some), (environment, one)
        assert ("\x1b[" in written) == (environment in some), (environment, one)


def test_help_has_no_colours() -> None:
    helps = terminal((), ("--help",), ("match", "--help"), ("models", "--help"), NO_COLOR="1")
    for written in helps:
        assert "descr" in written
        assert "\x1b" not in written


def test_progress_has_no_colours_either() -> None:
    extract = ("extract", "a.png", "b.png", "--set", "size=96", "-o", "features", "--force")
    coloured, plain = terminal_with(({}, extract), ({"NO_COLOR": "1"}, extract))
    colours = r"\x1b\[[0-9;]*m"
    assert re.search(colours, coloured)
    assert not re.search(colours, plain)


@pytest.mark.parametrize("arguments", COLORFUL, ids=" ".join)
def test_elsewhere_colours_are_asked_for(
    descr: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    done = descr(*arguments)
    assert "\x1b" not in done.out + done.err
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = descr(*arguments)
    assert "\x1b[" in done.out + done.err


def test_progress_is_for_terminals_whatever_the_colours(
    descr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = descr(*MATCH)
    assert done.err.startswith("descriptor: sift")
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err


LIMITED = """
import json, sys
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from descr.cli.main import run
before = getrlimit(RLIMIT_FSIZE)
for limit, arguments in json.loads(sys.argv[1]):
    if isinstance(limit, str):
        limit = Path(limit).stat().st_size - 1
    setrlimit(RLIMIT_FSIZE, (limit or before[0], before[1]))
    code = run(arguments)
    for stream in (sys.stdout, sys.stderr):
        print(end=f"\\0{code}\\0", file=stream, flush=True)
"""


def limited(*commands: tuple[int | str | None, Sequence[str]]) -> list[tuple[int, str, str]]:
    """The exit codes of commands, and what they print, with files of so many bytes at most.

    A name of a file stands for one byte less than it has.
    """
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, json.dumps(commands)],
        capture_output=True,
        text=True,
        check=True,
    )
    (*out, _), (*err, _) = done.stdout.split("\0"), done.stderr.split("\0")
    return list(zip(map(int, out[1::2]), out[::2], err[::2], strict=True))


def test_an_output_for_which_there_is_no_room_is_named() -> None:
    outputs = {
        "match": ["m.csv", "m.json", "m.nc", "m.png"],
        "transfer": ["t.nc"],
        "flow": ["f.flo", "f.nc", "f.png"],
        "swap": ["s.nc"],
    }
    options = {"transfer": ["--points", "9,9"], "swap": ["--whole"]}
    pairs = [(command, output) for command, names in outputs.items() for output in names]
    done = limited(
        *(
            (512, [command, *MATCH[1:], *options.get(command, []), "-o", output])
            for command, output in pairs
        )
    )
    for (_, output), (code, out, err) in zip(pairs, done, strict=True):
        (error, hint) = without_notes(err)
        reason = "the file would be larger than is allowed"
        assert error == f"error: {output}: can't be written: {reason}"
        assert hint == "hint: make room, or choose another place"
        assert (code, out) == (2, "")
    assert sorted(path.name for path in Path().iterdir()) == ["a.png", "b.png"]


HOSTILE = "a\x1b]0;title\x07\x1b[2J\u202e\x9b[red][link]\udcff.png"
SHOWN = r"a\x1b]0;title\x07\x1b[2J\u202e\x9b[red][link]"


def test_a_terminal_shows_a_name_and_does_not_obey_it(folder: Path) -> None:
    (folder / "a.png").rename(folder / HOSTILE)
    cases = {
        ("match", HOSTILE, "b.png", "--set", "size=96"): (
            rf"images\s+{re.escape(SHOWN)}\ufffd.png \(96 x"
        ),
        ("extract", ".", "-o", "f"): "f: 2 extracted",
        ("info", f"f/{HOSTILE}.nc"): re.escape(rf"file        f/{SHOWN}\udcff.png.nc"),
        ("extract", "b.png", "-o", HOSTILE.replace("\udcff.png", "")): (
            re.escape(f"{SHOWN}: 1 extracted")
        ),
    }
    for where, written in zip(cases.values(), terminal(*cases, COLUMNS="300"), strict=True):
        # Colours, and the movements of a bar on its own line.
        plain = re.sub(r"\x1b\[[0-9;?]*[mKAhl]", "", written)
        assert re.search(where, plain), plain
        assert not set("\x1b\x07\x9b\u202e") & set(plain), ascii(written)
        assert "\x1b[2J" not in written


def test_names_go_into_files_as_they_are(descr: Any, folder: Path) -> None:
    (folder / "a.png").rename(folder / HOSTILE)
    (folder / "p.json").write_text(r'[{"name": "eye\ud800\u001b", "x": 9, "y": 9}]')
    outputs = [part for suffix in ("csv", "json", "nc", "png") for part in ("-o", f"m.{suffix}")]
    command = ["transfer", HOSTILE, "b.png", "--set", "size=96", "--points", "p.json"]
    done = descr(*command, *outputs)
    assert done.code == 0, done.err
    assert r"eye?\x1b" in done.out
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


def test_a_picture_that_lacks_its_last_bytes_is_not_written() -> None:
    commands = {suffix: ["show", *MATCH[1:], "-o"] for suffix in (".jpg", ".webp", ".png")}
    commands[".gif"] = ["swap", *MATCH[1:], "--whole", "-o", "s.png", "--gif"]
    done = limited(
        *(
            (limit, [*command, f"{name}{suffix}"])
            for suffix, command in commands.items()
            for limit, name in ((None, "whole"), (f"whole{suffix}", "part"))
        )
    )
    assert [code for code, _, _ in done] == [0, 2] * len(commands)
    for suffix, (_, _, err) in zip(commands, done[1::2], strict=True):
        assert f"error: part{suffix}: can't be written: the file would be larger" in err
        assert not Path(f"part{suffix}").exists()


def test_a_line_that_is_said_during_a_bar_has_a_line_of_its_own(folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"no image")
    (written,) = terminal(("extract", "a.png", "bad.png", "-o", "f", "--set", "size=96"))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written)
    before = plain.partition("error: bad.png")[0]
    assert before != plain
    assert before.endswith(("\n", "\x1b[2K")), before[-80:]
