"""Where photographs lie: in folders, and those that feature files were made of."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console.errors import UserError

if TYPE_CHECKING:
    from ...descriptors import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


def find_images(arguments: Sequence[Path], output: Path) -> dict[Path, Path]:
    """The images that arguments name, by the relative paths under which they are kept.

    A folder stands for the images below it, sorted, without what is hidden and without `output`;
    if it is the only argument, the paths are those below it. Of several arguments each goes by its
    last part; if two have the same, all go by their paths below the folder that holds them all.

    Raises `UserError` for a folder that holds no image, or can't be read.
    """
    named: dict[str, Path] = {}
    for path in arguments:
        named.setdefault(os.path.abspath(path), path)
    places = [os.path.basename(whole) for whole in named]
    if len(named) == 1 and os.path.isdir(arguments[0]):
        places = [""]
    elif len({"", *places}) <= len(places):
        top = os.path.commonpath([os.path.dirname(whole) for whole in named])
        places = [os.path.relpath(whole, top) for whole in named]
    images: dict[Path, Path] = {}
    for place, path in zip(places, named.values(), strict=True):
        if not os.path.isdir(path):
            images[Path(place)] = path
            continue
        inside = [file for file in _files_below(path, output) if file.suffix.lower() in SUFFIXES]
        if not inside:
            raise UserError(
                f"the folder {path} holds no image",
                hint=f"images are files that end in {', '.join(SUFFIXES)}",
            )
        images |= {place / file.relative_to(path): file for file in inside}
    return images


def find_photograph(
    file: Path, attributes: Mapping[Any, Any], folders: Sequence[Path]
) -> "tuple[Path, Image]":
    """The photograph of a feature file, and where it lies.

    It is looked for where the file says, beside the file, and below `folders`; an image with other
    pixels is another one. Raises `UserError` if it is in none of these places.
    """
    from ...descriptors import read_image
    from ...descriptors.errors import ImageError
    from ...descriptors.features.tree import IMAGE_PATH

    beside = file.with_suffix("") if file.suffix.lower() == ".nc" else file
    places = [beside, file.parent / Path(str(attributes["image_name"])).name]
    recorded = attributes.get(IMAGE_PATH)
    # A feature file may come from anywhere: no other path than a relative one is taken from it.
    if isinstance(recorded, str) and not Path(recorded).anchor:
        whole = os.path.normpath(Path(os.path.realpath(file)).parent / recorded)
        # There is no way from here to another drive.
        with suppress(ValueError):
            whole = min(whole, os.path.relpath(whole), key=len)
        places.insert(0, Path(whole))
    places = list(dict.fromkeys(places))
    others: list[str] = []
    for path in chain(places, _namesakes(folders, places)):
        if path == file or not os.path.isfile(path):
            continue
        try:
            image = read_image(path)
        except ImageError as error:
            others.append(error.message)
            continue
        if image.sha256 == attributes["image_sha256"]:
            return path, image
        others.append(f"{path} has other pixels")
    searched = [*map(str, places), *(f"below {folder}" for folder in folders)]
    raise UserError(
        f"no photograph of {file} at {', '.join(searched)}"
        + (f" ({'; '.join(others[:3])})" if others else ""),
        hint="name the folder that holds it with --images FOLDER",
    )


def _namesakes(folders: Sequence[Path], places: Sequence[Path]) -> Iterator[Path]:
    """The files below folders whose names are those of places, the most alike paths first."""
    ends = {place.name: place.parts[::-1] for place in reversed(places)}
    inside = [path for folder in folders for path in _files_below(folder) if path.name in ends]

    def likeness(path: Path) -> int:
        both = zip(path.parts[::-1], ends[path.name], strict=False)
        return sum(1 for _ in takewhile(lambda parts: parts[0] == parts[1], both))

    yield from sorted(inside, key=likeness, reverse=True)


def _files_below(
    folder: Path, output: Path | None = None, above: tuple[str, ...] = ()
) -> Iterator[Path]:
    """The files in a folder and in those inside it, sorted, without what is hidden.

    The folder `output` is left out where it lies inside, and links to a folder `above` are.
    """
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}") from error
    above = (*above, os.path.realpath(folder))
    skipped = above if output is None else (*above, os.path.realpath(output))
    for path in inside:
        if path.name.startswith("."):
            continue
        if not os.path.isdir(path):
            yield path
        elif os.path.realpath(path) not in skipped:
            yield from _files_below(path, output, above)
