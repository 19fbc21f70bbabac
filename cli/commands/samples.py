"""`descr samples`: two photographs to try descr with."""

from pathlib import Path
from typing import Annotated

import typer

from ..console.errors import say


def samples(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where they go, this folder by default.")
    ] = Path(),
) -> None:
    """Write two photographs of a cat, cat.jpg and cat-closer.jpg, to try descr with.

    They come with descr, and are kept where they are there already.
    """
    from ...applications import write_samples

    for path in write_samples(folder):
        say(path, err=False)
