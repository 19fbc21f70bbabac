"""Where results go: the suffixes, the checks before the work, and files written together."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from ...applications.pictures.files import PIXELS, VECTORS, check_suffix, encode
from ..console.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Writer = Callable[[Path], object]

RASTERS = dict.fromkeys(PIXELS, "picture")
PICTURES = dict.fromkeys((*PIXELS, *VECTORS), "picture")
TRANSPARENT = dict.fromkeys((".png", ".webp"), "picture")
"""The forms that can be transparent in places."""


def check_suffixes(
    outputs: Sequence[Path], suffixes: Mapping[str, str], *, option: str = "-o"
) -> None:
    """Raise `UserError` for an output whose suffix is none of these.

    `suffixes` says of each suffix what is written; `option` is what the outputs were given to.
    """
    listing = ", ".join(f"{suffix} ({what})" for suffix, what in suffixes.items())
    for output in outputs:
        suffix = output.suffix.lower()
        if suffix not in suffixes:
            fault = f"the suffix {output.suffix!r} means nothing" if suffix else "has no suffix"
            raise UserError(f"{option} {output}: {fault}", hint=f"use one of {listing}")
        if suffix in VECTORS:
            check_suffix(suffix)


def check_different(outputs: Sequence[Path]) -> None:
    """Raise `UserError` for an output that is given twice."""
    seen: set[str] = set()
    for output in outputs:
        real = os.path.realpath(output)
        if real in seen:
            raise UserError(f"{output} is given twice", hint="choose different names")
        seen.add(real)


def check_not_inputs(outputs: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Raise `UserError` for an output that would be written over one of the inputs."""
    for output, path in product(outputs, inputs):
        if _same_file(output, path):
            raise UserError(
                f"{output} would overwrite an input", hint="choose another name for the output"
            )


def write_all(writers: Mapping[Path, Writer]) -> None:
    """Write all files, each whole; if one of them fails, none appears."""
    from ...descriptors.runtime.atomic import whole_file

    with ExitStack() as stack:
        for path, write in writers.items():
            write(stack.enter_context(whole_file(path)))


def write_picture(pixels: "npt.NDArray[np.uint8]", target: Path) -> None:
    """Write pixels (height, width, 3 or 4) in the form that the suffix of `target` asks for.

    Raises `OptionError` for a picture that is too large for its form.
    """
    target.write_bytes(encode(pixels, target.suffix.lower()))


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return os.path.realpath(first) == os.path.realpath(second)
