"""What a user sees when something fails: one line, a hint, and an exit code."""

import difflib
import errno
import inspect
import os
import sys
import traceback
from collections.abc import Sequence
from enum import EnumType
from typing import Any, get_args

import typer

from ...applications.text import one_line, printable
from ...descriptors.errors import DescrError

FAULT = 1
USER = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
"""128 and the number of the signal, as a shell reports a process that SIGPIPE ended."""

# Typer brings its own copy of click, or uses click itself, by version: the class of all usage
# errors is the one that this public class derives from.
USAGE_ERROR: type[Any] = typer.BadParameter.__mro__[1]

_MEND = {errno.ENOSPC: "make room", errno.EMFILE: "allow more, as in: ulimit -n 1024"}
_NUMBERS = {int: "an integer", float: "a number"}


class UserError(DescrError):
    """Input of the command line that is wrong."""


def report(error: BaseException, *, debug: bool = False) -> int:
    """Print one line (and a hint) about an error to standard error; the exit code for it.

    With `debug` the traceback comes first.
    """
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        say("interrupted")
        return INTERRUPTED
    if debug:
        lines = "".join(traceback.format_exception(error)).rstrip("\n").split("\n")
        typer.echo("\n".join(map(printable, lines)), err=True)
    code = USER
    hint: str | None
    if isinstance(error, USAGE_ERROR):
        message, hint = explain_usage(error)
    elif isinstance(error, DescrError):
        message, hint = error.message, error.hint
    elif _is_out_of_memory(error):
        message, hint = "not enough memory", "lower size, cells or width"
    elif isinstance(error, OSError) and error.errno is not None:
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        message, hint = f"{place}{error.strerror}", _MEND.get(error.errno)
    else:
        text = one_line(str(error)) or "no message"
        message, code = f"internal error: {type(error).__name__}: {text}", FAULT
        hint = None if debug else "run it again with --debug to see where it happened"
    say_error(message, hint)
    return code


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out; torch and OpenCV have errors of their own for it."""
    memory = sys.modules.get(f"{__package__.partition('.')[0]}.descriptors.runtime.memory")
    # The system's answer to a library that does not fit into the address space any more.
    unmapped = isinstance(error, ImportError) and "failed to map segment" in str(error)
    ran_out = unmapped or isinstance(error, MemoryError)
    return ran_out or bool(memory and memory.is_out_of_memory(error))


def say_error(message: str, hint: str | None = None) -> None:
    """Print `error: ...` and, where there is one, `hint: ...` to standard error."""
    _say("error", typer.colors.RED, message)
    if hint:
        _say("hint", typer.colors.CYAN, hint)


def wants_color() -> bool | None:
    """Whether the user asks for colours (https://no-color.org); None for those of a terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def say(message: object, *, err: bool = True) -> None:
    """Print one line to standard error, or to standard output."""
    # Named, since typer's own finding of the stream passes by a bar that is drawn on it.
    typer.echo(one_line(str(message)), file=sys.stderr if err else sys.stdout, err=err)


def explain_usage(error: Any) -> tuple[str, str | None]:
    """The message and the hint for a command line that can't be parsed."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "descr"
    hint: str | None = f"see {command} --help"
    # Some versions of typer speak of a variable of the environment where there is none.
    message = one_line(error.format_message()).replace(" (env var: 'None')", "").rstrip(".")
    misspelt = getattr(error, "option_name", None)
    if context is not None and misspelt and message.startswith("No such option"):
        params = context.command.get_params(context)
        names = [param.opts[0] for param in params if param.opts[0].startswith("-")]
        message = f"no such option: {misspelt}"
        hint = f"{_nearest(misspelt, names)}{command} takes {', '.join(names)}"
    elif context is not None and message.startswith("No such command"):
        commands = getattr(context.command, "commands", {})
        names = [name for name, one in commands.items() if not one.hidden]
        message = message.partition(". Did you mean")[0]
        hint = f"{_nearest(message.split()[-1], names)}the commands are {', '.join(names)}"
    elif getattr(error, "value", None) is not None:
        return _explain_value(error, command) or (message, hint)
    return message[:1].lower() + message[1:], hint


def _explain_value(error: Any, command: str) -> tuple[str, str] | None:
    """The same for a value that is not of its option's type, where that is a number or a choice."""
    option, description = error.param.opts[0], error.param.help or ""
    parameters = inspect.signature(error.ctx.command.callback).parameters
    union, declared = get_args(parameters[error.param.name].annotation)
    kind = next(iter(get_args(union)), union)
    if isinstance(kind, EnumType):
        expected = f"one of {', '.join(kind)}"
        hint = f"{_nearest(error.value, list(kind))}see {command} --help"
    elif kind in _NUMBERS:
        expected = _NUMBERS[kind]
        if declared.min is not None:
            expected += f" of at least {declared.min}"
        hint = f"{option} {error.param.metavar}: {description[:1].lower()}{description[1:]}"
    else:
        return None
    return f"{option} must be {expected}, not {error.value!r}", hint.rstrip(".")


def _nearest(name: str, names: Sequence[str]) -> str:
    name = name.strip("'").lower()
    near = [one for one in names if one.startswith(name)]
    near = near or difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}? " if near else ""


def _say(label: str, colour: str, text: str) -> None:
    styled = typer.style(f"{label}:", fg=colour, bold=True)
    typer.echo(f"{styled} {one_line(text)}", file=sys.stderr, err=True, color=wants_color())
