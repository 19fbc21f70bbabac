"""Two photographs to try descr with, as free as CC0 makes them (`docs/images/README.md`)."""

import os
from pathlib import Path

from ...descriptors.errors import OutputError
from ...descriptors.runtime.atomic import whole_file

SAMPLES = ("cat.jpg", "cat-closer.jpg")
"""The same cat in two views; the second is rendered from the first."""


def write_samples(folder: str | os.PathLike[str] = ".") -> tuple[Path, ...]:
    """The paths of the photographs in a folder that is there; they are written unless they are.

    Raises `OutputError`, before anything is written, if another file has one of the names.
    """
    contents = {Path(folder, name): (Path(__file__).parent / name).read_bytes() for name in SAMPLES}
    missing = [path for path in contents if not path.exists()]
    for path in contents.keys() - missing:
        if not path.is_file() or path.read_bytes() != contents[path]:
            fault = f"{path}: something else of this name is there"
            raise OutputError(fault, hint="take another folder")
    for path in missing:
        with whole_file(path) as temporary:
            temporary.write_bytes(contents[path])
    return tuple(contents)
