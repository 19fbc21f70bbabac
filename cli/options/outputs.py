"""Where results go: the suffixes, the checks before the work, and files written together."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..console.errors import UserError

Writer = Callable[[Path], None]


def check_suffixes(
    outputs: Sequence[Path], suffixes: Mapping[str, str], *, option: str = "-o"
) -> None:
    """Raise `UserError` for an output whose suffix is none of these, and for one given twice.

    `suffixes` says of each suffix what is written; `option` is what the outputs were given to.
    """
    listing = ", ".join(f"{suffix} ({what})" for suffix, what in suffixes.items())
    for output in outputs:
        suffix = output.suffix.lower()
        if suffix not in suffixes:
            said = f"the suffix {output.suffix!r} means nothing" if suffix else "has no suffix"
            raise UserError(f"{option} {output}: {said}", hint=f"use one of {listing}")
    check_different(outputs)


def check_different(outputs: Sequence[Path]) -> None:
    """Raise `UserError` for an output that is given twice."""
    seen: set[str] = set()
    for output in outputs:
        real = os.path.realpath(output)
        if real in seen:
            raise UserError(f"{output} is given twice", hint="choose different names")
        seen.add(real)


def check_folders(*folders: Path | None) -> None:
    """Raise `UserError` for a folder of the work that is something else."""
    for folder in folders:
        if folder is not None and os.path.exists(folder) and not os.path.isdir(folder):
            raise UserError(f"{folder} is not a folder", hint="choose another folder")


def check_not_inputs(outputs: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Raise `UserError` for an output that would be written over one of the inputs."""
    given = list(inputs)
    for output in outputs:
        if any(_same_file(output, path) for path in given):
            raise UserError(
                f"{output} would overwrite an input", hint="choose another name for the output"
            )


def check_writable(outputs: Iterable[Path]) -> None:
    """Raise `OutputError` for an output that can't be written where it is to be."""
    from ...descriptors.runtime.atomic import check_target

    for output in outputs:
        check_target(output)


def write_all(writers: Mapping[Path, Writer]) -> None:
    """Write all files, each whole; if one of them fails, none appears."""
    from ...descriptors.runtime.atomic import whole_file

    with ExitStack() as stack:
        for path, write in writers.items():
            write(stack.enter_context(whole_file(path)))


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return os.path.realpath(first) == os.path.realpath(second)
