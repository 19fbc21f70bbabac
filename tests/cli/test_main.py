import gc
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import pytest
from descr.cli.console import errors, quiet
from descr.cli.main import run
from descr.cli.options import images
from support.signals import exit_code, started

HEAVY = ("torch", "numpy", "xarray", "cv2", "pandas", "netCDF4", "PIL", "rich")
PROGRAM = (sys.executable, "-m", "descr.cli")
FAST = ("--set", "size=96")


def loaded(*arguments: str, **environment: str) -> tuple[set[str], str]:
    """Which heavy modules a run of the program loads, and what it prints."""
    script = (
        "import sys\n"
        "from descr.cli.main import run\n"
        "try:\n"
        "    run(sys.argv[1:])\n"
        "finally:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    return set(json.loads(done.stderr.splitlines()[-1].replace("'", '"'))), done.stdout


def complete(shell: str, line: str) -> tuple[set[str], list[str]]:
    """What completing the last word of a line loads and offers, as the shell's script asks."""
    words = line.split(" ")
    environment = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    heavy, out = loaded(_DESCR_COMPLETE=f"complete_{shell}", **environment)
    if shell == "zsh":
        return heavy, re.findall(r'^(?:.*\(\()?"([^"]*)"', out, re.MULTILINE)
    return heavy, [offer.split("\t")[0] for offer in out.splitlines()]


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), (), ("match", "--help"), ("transfer", "--help"), ("mach",)],
)
def test_what_needs_no_library_loads_none(arguments: tuple[str, ...]) -> None:
    assert loaded(*arguments)[0] == set()


def test_a_wrong_option_is_noticed_without_loading_the_library() -> None:
    assert loaded("match", "gone.jpg", "b.jpg", "-o", "m.gif")[0] == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("descr mat", ["match", "matchers"]),
        ("descr match a b --descriptor si", ["sift"]),
        ("descr match a b --matcher s", ["soft-argmax"]),
        ("descr match --max", ["--max-matches"]),
    ],
)
def test_the_shell_completes(shell: str, line: str, offers: list[str]) -> None:
    heavy, offered = complete(shell, line)
    assert "torch" not in heavy
    assert heavy <= {"rich"}
    assert offered == offers


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_with_the_script_that_is_shown(tmp_path: Path) -> None:
    program = tmp_path / "descr"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m descr.cli "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(descr --show-completion)"\n'
        "COMP_WORDS=(descr match --matcher mu) COMP_CWORD=3\n"
        "$(complete -p descr | sed 's/.*-F \\([^ ]*\\) .*/\\1/') descr\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=False,
    )
    assert done.stdout.strip() == "mutual", done.stderr


def test_without_arguments_it_shows_three_commands_that_work(descr: Any) -> None:
    done = descr()
    assert done.code == 0
    commands = re.findall("^  descr (.+)$", done.out, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        assert descr(*command.split()).code == 0
    assert {"cat.jpg", "cat-closer.jpg", "match.png", "cat.html"} <= {*os.listdir()}


def test_the_help_lists_the_commands(descr: Any) -> None:
    text = descr("--help").out
    for command in ("match", "transfer", "extract", "info", "descriptors", "matchers", "verifiers"):
        assert f"\n  {command} " in text


@pytest.mark.parametrize(
    "command", [(), ("match",), ("models",), ("models", "pull"), ("basis", "fit"), ("samples",)]
)
def test_help_has_a_short_name_everywhere(descr: Any, command: tuple[str, ...]) -> None:
    assert descr(*command, "-h") == descr(*command, "--help")


@pytest.mark.parametrize(
    "command", ["match", "transfer", "extract", "info", "descriptors", "matchers", "verifiers"]
)
def test_help_fits_a_narrow_terminal(descr: Any, command: str) -> None:
    done = descr(command, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: descr {command} [OPTIONS]")
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_options_of_match_are_grouped(descr: Any) -> None:
    text = descr("match", "--help").out
    titles = [line[:-1] for line in text.splitlines() if line[:1].isalpha() and line[-1] == ":"]
    assert titles == [
        "Arguments",
        "Which places",
        "Which matches",
        "Masks",
        "How",
        "The drawing",
        "Results",
        "Options",
        "Examples",
    ]


def test_it_tells_its_version(descr: Any) -> None:
    done = descr("--version")
    assert (done.code, done.out) == (0, f"descr {importlib.metadata.version('descr-sdk')}\n")


def test_the_console_script_is_this_program() -> None:
    (point,) = importlib.metadata.entry_points(group="console_scripts", name="descr")
    assert point.load() is run


@pytest.mark.parametrize("safe", [(), ("-P",)])
def test_as_a_module_it_runs_no_file_of_the_folder(tmp_path: Path, safe: tuple[str, ...]) -> None:
    for name in ("typer", "rich", "json", "torch"):
        (tmp_path / f"{name}.py").write_text("print('a file of the folder')\n")
    command = [sys.executable, *safe, "-m", "descr.cli", "matchers"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "mutual" in done.stdout
    assert "a file of the folder" not in done.stdout


def test_a_process_ends_with_the_exit_code() -> None:
    done = subprocess.run(
        [*PROGRAM, "match", "gone.jpg", "b.jpg"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert (done.stdout, done.stderr) == ("", "error: no such file: gone.jpg\n")


def test_the_documentation_lists_every_exit_code() -> None:
    page = Path(__file__).parents[2] / "docs" / "command-line.md"
    listed = re.findall(r"^\| (\d+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    codes = 0, errors.FAULT, errors.USER, errors.INTERRUPTED, errors.BROKEN_PIPE, quiet.TERMINATED
    assert listed == [str(code) for code in codes]


@pytest.mark.parametrize("where", ["before", "after"])
def test_debug_shows_where_an_error_is_from(descr: Any, where: str) -> None:
    command = ["match", "a.png", "a.png", "--descriptor", "sfit"]
    done = descr(*(["--debug", *command] if where == "before" else [*command, "--debug"]))
    assert done.code == 2
    assert "Traceback" in done.err
    assert done.errors == ["error: unknown descriptor: 'sfit'"]


def broken(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError("a fault\nof two lines")


def test_a_fault_of_ours_has_another_exit_code(descr: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(images, "prepare", broken)
    done = descr("match", "a.png", "b.png")
    assert done.code == 1
    assert done.err.splitlines() == [
        "error: internal error: ZeroDivisionError: a fault of two lines",
        "hint: run it again with --debug to see where it happened",
    ]
    done = descr("match", "a.png", "b.png", "--debug")
    assert done.code == 1
    assert "Traceback" in done.err
    assert "in broken" in done.err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        cv2.error("OpenCV(5.0.0) error: (-4:Insufficient memory) Failed to allocate 9 bytes"),
    ],
)
def test_too_little_memory_is_said_in_words(descr: Any, monkeypatch: Any, error: Any) -> None:
    def run_out(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(images, "prepare", run_out)
    done = descr("match", "a.png", "b.png")
    assert done.code == 2
    assert done.errors == ["error: not enough memory"]


def test_an_interruption_ends_without_a_traceback(descr: Any, monkeypatch: Any) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "prepare", interrupt)
    done = descr("match", "a.png", "b.png", "-o", "m.csv")
    assert (done.code, done.out, done.err) == (130, "", "interrupted\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("delay", [0, 0.5])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work_quietly(number: signal.Signals, delay: float) -> None:
    # 100,000 cells against 100,000: it is still at work when the signal comes.
    options = ("--descriptor", "sift", "--set", "step=2", "-o", "m.csv")
    with started([*PROGRAM, "match", "a.png", "b.png", *options]) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("descriptor: sift")
        time.sleep(delay)
        running.send_signal(number)
        out, err = running.communicate(timeout=120)
    assert exit_code(running) == 128 + number
    assert out == ""
    assert err == ("interrupted\n" if number == signal.SIGINT else "")
    assert sorted(path.name for path in Path().iterdir()) == ["a.png", "b.png"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_reader_that_stops_reading_is_no_error(arguments: tuple[str, ...]) -> None:
    command = [*PROGRAM, "match", "a.png", "b.png", "--descriptor", "sift", *FAST, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        err = running.stderr.read().decode()
    assert running.returncode == 141
    assert err == "descriptor: sift\n"


def test_a_name_that_cannot_be_printed_stays_on_one_line(descr: Any) -> None:
    done = descr("match", "two\nlines\x1b[31m.jpg", "b.png")
    done.refused("two lines\\x1b[31m.jpg")
    assert "\x1b" not in done.err


def test_warnings_of_libraries_are_not_shown(descr: Any, folder: Path) -> None:
    (folder / "noisy.py").write_text(
        "import logging, warnings\n"
        "from descr.descriptors import SIFT\n"
        "class Noisy(SIFT):\n"
        "    def extract(self, images):\n"
        "        warnings.warn('noise')\n"
        "        logging.getLogger('noise').warning('noise')\n"
        "        return super().extract(images)\n"
    )
    noisy = ("match", "a.png", "b.png", "--descriptor", "noisy:Noisy", *FAST)
    assert descr(*noisy).err == "descriptor: noisy:Noisy\n"


@pytest.mark.parametrize("command", [("matchers",), ("match", "a.png", "b.png", *FAST)])
@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_looked_for_afterwards_as_before(
    descr: Any, command: tuple[str, ...], enabled: bool
) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        assert descr(*command).code == 0
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
