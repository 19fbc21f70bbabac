"""`descr extract`: the features of many images, each kept in a file."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..console.errors import USER, UserError, say, say_error
from ..options import common as options
from ..options.inputs import holds_features, read_photograph
from ..options.loading import load_library
from ..options.names import AUTO
from ..options.settings import split_settings

if TYPE_CHECKING:
    from ...descriptors import Descriptor as AnyDescriptor
    from ..options.choice import Made

EXAMPLES = """\
descr extract cat.jpg dog.jpg -o features
descr extract photographs -o features --descriptor sift --set step=4
descr match features/cat.jpg.nc features/dog.jpg.nc"""


def extract(
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES...", help="Images, and folders, of which all images below are taken."
        ),
    ],
    output: Annotated[
        Path,
        options.result_option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Where the feature files go: cat.jpg becomes FOLDER/cat.jpg.nc, and what lies in "
            "folders keeps its relative path. It is made if there is none.",
        ),
    ],
    descriptor: options.Descriptor = AUTO,
    settings: options.Settings = None,
    device: options.Device = None,
    lossless: Annotated[
        bool,
        options.result_option(
            "--lossless",
            help="Keep every bit of the features, in files that are half as large again.",
        ),
    ] = False,
    force: Annotated[
        bool,
        options.result_option("--force", help="Make files that are there already anew."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Keep the features of images in files, one for each image.

    Of a folder the paths below it are kept: photos/a/cat.jpg becomes FOLDER/a/cat.jpg.nc. Several
    folders keep their names: one/cat.jpg becomes FOLDER/one/cat.jpg.nc.

    A file that is there already, whole and of the same image and settings, is kept as it is, so
    that a run that was stopped goes on where it ended. `descr match` takes a feature file in place
    of its image.
    """
    from ...applications.exchange import find_images

    options = split_settings(settings or (), "--set")
    targets = {
        output / place.with_name(f"{place.name}.nc"): path
        for place, path in find_images(images, output).items()
    }
    _check_folder(output)
    load_library()
    from ..options.choice import check_device_is_taken, make_descriptor

    describe = make_descriptor(descriptor, options, device)
    check_device_is_taken(device, describe)
    began = time.perf_counter()
    with _folders({target.parent for target in targets}):
        done = _extract_all(targets, output, describe, lossless=lossless, force=force)
    _print(done, output, time.perf_counter() - began, as_json)
    if any(status == "failed" for _, _, status in done):
        raise typer.Exit(USER)


def _check_folder(folder: Path) -> None:
    """Raise `UserError` if something that is no folder is in the way."""
    for path in (folder, *folder.parents):
        if os.path.exists(path) and not os.path.isdir(path):
            raise UserError(f"-o {folder}: {path} is not a folder", hint="choose another folder")


@contextlib.contextmanager
def _folders(folders: Set[Path]) -> Iterator[None]:
    """Make the folders and those above them; remove what was made if nothing came to lie in it."""
    from ...descriptors.runtime.atomic import remove_abandoned, writing

    needed = {path for folder in folders for path in (folder, *folder.parents)}
    made = [path for path in sorted(needed, reverse=True) if not os.path.exists(path)]
    try:
        for folder in folders:
            with writing(folder, "the folder can't be made"):
                folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(folder, ".nc")
        yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _extract_all(
    targets: Mapping[Path, Path],
    output: Path,
    describe: "Made[AnyDescriptor]",
    *,
    lossless: bool,
    force: bool,
) -> list[tuple[Path, Path, str]]:
    """Image, file and what became of it: extracted, redone, kept or failed.

    An image that can't be used, that has no usable features, that memory doesn't suffice for, or
    in whose file's place something else lies, is reported, and the work goes on with the rest.
    What else goes wrong would go wrong with the next image as well.
    """
    from ...descriptors.errors import ForeignFileError, ImageError, InvalidFeaturesError
    from ..console.progress import progress_bar

    done = []
    with progress_bar(len(targets)) as advance:
        for target, path in targets.items():
            advance(str(target.relative_to(output)))
            try:
                status = _extract_one(path, target, describe, lossless=lossless, force=force)
            except ForeignFileError as error:
                say_error(error.message, "move it away, or write over it with --force")
                status = "failed"
            except (ImageError, InvalidFeaturesError, MemoryError) as error:
                message = getattr(error, "message", f"{path}: not enough memory")
                say_error(message, getattr(error, "hint", None))
                status = "failed"
            done.append((path, target, status))
    return done


def _extract_one(
    path: Path, target: Path, describe: "Made[AnyDescriptor]", *, lossless: bool, force: bool
) -> str:
    from ...descriptors.errors import ImageError
    from ...descriptors.store import save_features, why_extract

    if holds_features(path):
        raise ImageError(
            f"{path} is a feature file already", hint="give it to `descr match` as it is"
        )
    image = read_photograph(path)
    fault: str | None = "asked for by --force"
    if not force or not os.path.exists(target):
        with describe.at_work():
            fault = why_extract(target, image, describe.made, lossless=lossless)
    if fault is None:
        return "kept"
    if fault:
        say(f"{target}: {fault}, extracting again")
    with describe.at_work():
        tree = describe.made.extract([image])[0]
    save_features(tree, target, lossless=lossless, image_path=path)
    return "redone" if fault else "extracted"


def _print(
    done: Sequence[tuple[Path, Path, str]], folder: Path, seconds: float, as_json: bool
) -> None:
    from ..console.tables import print_json

    if as_json:
        files = [
            {"path": str(image), "file": str(target), "status": status}
            for image, target, status in done
        ]
        print_json({"folder": str(folder), "seconds": round(seconds, 3), "files": files})
        return
    counts = Counter(status for _, _, status in done)
    said = [f"{counts[status]} {status}" for status in ("extracted", "redone", "kept", "failed")]
    shown = ", ".join(text for text in said if not text.startswith("0 "))
    say(f"{folder}: {shown} ({seconds:.1f} s)", err=False)
