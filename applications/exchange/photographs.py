"""Where photographs lie: in folders, and those that feature files were made of."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

from ...descriptors import Image, read_image
from ...descriptors.errors import ImageError
from ...descriptors.features.schema import IMAGE_PATH
from ...descriptors.store import read_feature_info
from ...descriptors.store.files import follow

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
    paths = (path for path in chain(places, _namesakes(folders, places)) if path != file)
    return first_photograph(
        paths, str(attributes["image_sha256"]), str(file), places=places, folders=folders
    )


def first_photograph(
    paths: Iterable[Path],
    sha256: str,
    name: str,
    *,
    places: Sequence[Path],
    folders: Sequence[str | os.PathLike[str]],
) -> tuple[Path, Image]:
    """The first of these files with these pixels, and its image.

    Raises `ImageError`, which calls them the photograph of `name`, if there is none; it says at
    which places and below which folders it was looked for.
    """
    others: list[str] = []
    for path in paths:
        if not os.path.isfile(path):
            continue
        try:
            image = read_image(path)
            if image.sha256 == sha256:
                return path, image
            others.append(f"{path} has other pixels")
        except ImageError as error:
            others.append(error.message)
    where = [f"at {', '.join(map(str, places))}"] if places else []
    where += [f"below {os.fspath(folder)}" for folder in folders]
    raise ImageError(
        f"no photograph of {name}"
        + (f" {', '.join(where)}" if where else ": nothing says where it is")
        + (f" ({'; '.join(others[:3])})" if others else ""),
        hint="name the folder that holds it",
    )


def _places(file: Path, attributes: Mapping[Any, Any]) -> list[Path]:
    """Where the photograph of a feature file may lie: where the file says, and beside it."""
    beside = file.with_suffix("") if file.suffix.lower() == ".nc" else file
    places = [beside, file.parent / Path(str(attributes["image_name"])).name]
    whole = follow(attributes.get(IMAGE_PATH), file)
    if whole is not None:
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
