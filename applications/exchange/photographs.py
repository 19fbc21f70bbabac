"""Where photographs lie: in folders, and those that feature files were made of."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

from ...descriptors import Image, read_image
from ...descriptors.errors import ImageError
from ...descriptors.features.schema import IMAGE_PATH
from ...descriptors.store import read_feature_info

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


def find_images(paths: Sequence[Path], output: Path | None = None) -> dict[Path, Path]:
    """The images that paths name, by the relative paths under which their features are kept.

    A folder stands for the images below it, sorted, without what is hidden and without the folder
    `output`; if it is the only path, the keys are the paths below it. Of several paths each goes by
    its last part; if two have the same, all go by their paths below the folder that holds them all.
    Raises `ImageError` for a folder that holds no image, or can't be read.
    """
    sources: dict[str, Path] = {}
    for path in paths:
        sources.setdefault(os.path.abspath(path), path)
    keys = [os.path.basename(source) for source in sources]
    if len(sources) == 1 and os.path.isdir(paths[0]):
        keys = [""]
    elif len({"", *keys}) <= len(keys):
        top = os.path.commonpath([os.path.dirname(source) for source in sources])
        keys = [os.path.relpath(source, top) for source in sources]
    images = {}
    for key, path in zip(keys, sources.values(), strict=True):
        if not os.path.isdir(path):
            images[Path(key)] = path
            continue
        files = [file for file in _files_below(path, output) if file.suffix.lower() in SUFFIXES]
        if not files:
            raise ImageError(
                f"the folder {path} holds no image",
                hint=f"images are files that end in {', '.join(SUFFIXES)}",
            )
        images |= {key / file.relative_to(path): file for file in files}
    return images


def find_photograph(
    file: Path, attributes: Mapping[Any, Any] | None = None, folders: Sequence[Path] = ()
) -> tuple[Path, Image]:
    """The photograph of a feature file: where it lies, and its pixels.

    It is looked for where the file says, beside the file, and below `folders`; an image with other
    pixels is another one. `attributes` are those of the file's root.

    Raises:
        FeatureFileError: `file` is not a feature file.
        ImageError: The photograph is in none of these places.
    """
    attributes = read_feature_info(file).attributes if attributes is None else attributes
    places = _places(file, attributes)
    others: list[str] = []
    for path in chain(places, _namesakes(folders, places)):
        if path == file or not os.path.isfile(path):
            continue
        try:
            image = read_image(path)
            if image.sha256 == attributes["image_sha256"]:
                return path, image
            others.append(f"{path} has other pixels")
        except ImageError as error:
            others.append(error.message)
    searched = [*map(str, places), *(f"below {folder}" for folder in folders)]
    raise ImageError(
        f"no photograph of {file} at {', '.join(searched)}"
        + (f" ({'; '.join(others[:3])})" if others else ""),
        hint="name the folder that holds it",
    )


def _places(file: Path, attributes: Mapping[Any, Any]) -> list[Path]:
    """Where the photograph of a feature file may lie: where the file says, and beside it."""
    beside = file.with_suffix("") if file.suffix.lower() == ".nc" else file
    places = [beside, file.parent / Path(str(attributes["image_name"])).name]
    record = attributes.get(IMAGE_PATH)
    # A feature file may come from anywhere: no other path than a relative one is taken from it.
    if isinstance(record, str) and not Path(record).anchor:
        whole = os.path.normpath(Path(os.path.realpath(file)).parent / record)
        # There is no way from here to another drive.
        with suppress(ValueError):
            whole = min(whole, os.path.relpath(whole), key=len)
        places.insert(0, Path(whole))
    return list(dict.fromkeys(places))


def _namesakes(folders: Sequence[Path], places: Sequence[Path]) -> Iterator[Path]:
    """The files below folders whose names are those of places, the most alike paths first."""
    ends = {place.name: place.parts[::-1] for place in reversed(places)}
    files = [path for folder in folders for path in _files_below(folder) if path.name in ends]

    def likeness(path: Path) -> int:
        both = zip(path.parts[::-1], ends[path.name], strict=False)
        return sum(1 for _ in takewhile(lambda parts: parts[0] == parts[1], both))

    yield from sorted(files, key=likeness, reverse=True)


def _files_below(
    folder: Path, output: Path | None = None, above: tuple[str, ...] = ()
) -> Iterator[Path]:
    """The files in a folder and in those inside it, sorted, without what is hidden.

    The folder `output` is left out where it lies inside, and links to a folder `above` are.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ImageError(f"cannot read the folder {folder}: {error.strerror}") from error
    above = (*above, os.path.realpath(folder))
    skipped = above if output is None else (*above, os.path.realpath(output))
    for path in entries:
        if path.name.startswith("."):
            continue
        if not os.path.isdir(path):
            yield path
        elif os.path.realpath(path) not in skipped:
            yield from _files_below(path, output, above)
