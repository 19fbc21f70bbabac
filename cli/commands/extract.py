"""`descr extract`: the features of many images, each kept in a file."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer

from ..console.errors import USER, UserError, say, say_error
from ..console.tables import degrees, print_json
from ..options import common as options
from ..options.cluster import ClusterOptions
from ..options.command import WorkCommand
from ..options.groups import argument, same_option
from ..options.inputs import holds_features
from ..options.method import ImageMethod
from ..options.settings import split_settings

if TYPE_CHECKING:
    from ...descriptors.store import Outcome

_flag = options.result_field.flag


@dataclass(frozen=True, kw_only=True)
class Extract(WorkCommand):
    """Keep the features of images in files, one for each image.

    Of a folder the paths below it are kept: photos/a/cat.jpg becomes FOLDER/a/cat.jpg.nc. Several
    folders keep their names: one/cat.jpg becomes FOLDER/one/cat.jpg.nc.

    A file that is there already, whole and of the same image and settings, is kept as it is, so
    that a run that was stopped goes on where it ended. `descr match` takes a feature file in place
    of its image.
    """

    EXAMPLES: ClassVar[str] = """\
descr extract cat.jpg dog.jpg -o features
descr extract photographs -o features --descriptor sift --set step=4
descr match features/cat.jpg.nc features/dog.jpg.nc"""

    images: list[Path] = argument(
        "IMAGES...", "Images, and folders, of which all images below are taken."
    )
    output: Path = options.result_field(
        "FOLDER",
        "Where the feature files go: cat.jpg becomes FOLDER/cat.jpg.nc, and what lies in "
        "folders keeps its relative path. It is made if there is none.",
        "--output",
        "-o",
        default=...,
    )
    descriptor: str = same_option(ImageMethod, "descriptor")
    settings: list[str] | None = same_option(ImageMethod, "settings")
    basis: Path | None = same_option(ImageMethod, "basis")
    device: str | None = same_option(ImageMethod, "device")
    lossless: bool = _flag("Keep every bit of the features, in files that are half as large again.")
    force: bool = _flag("Make files that are there already anew.")
    strict: bool = _flag("Stop at the first image that has no features.")
    verify: bool = _flag(options.VERIFY)
    dry_run: bool = _flag("Say what would be done, and do nothing.")
    cluster: ClusterOptions

    def check(self) -> None:
        """Refuse a setting that is no pair."""
        split_settings(self.settings or (), "--set")

    def work(self) -> None:
        """Extract what is missing, and print what became of each image."""
        from ...applications.exchange import find_images
        from ...descriptors import Basis, FeatureStore
        from ..console.progress import progress_bar
        from ..options.choice import check_device_is_taken, make_descriptor

        images = find_images(self.images, self.output)
        _check_folder(self.output)
        basis = None if self.basis is None else Basis.load(self.basis)
        settings = split_settings(self.settings or (), "--set")
        describe = make_descriptor(self.descriptor, settings, self.device)
        check_device_is_taken(self.device, describe)
        start = time.perf_counter()
        store = FeatureStore(self.output, describe.item, lossless=self.lossless, basis=basis)
        sources = {place.as_posix(): _source(path) for place, path in images.items()}
        paths = {place.as_posix(): path for place, path in images.items()}
        with (
            _folders({store.path(key).parent for key in sources}),
            self.cluster.client() as client,
            progress_bar(len(sources), "images") as advance,
            describe.at_work(),
        ):

            def report(outcome: "Outcome") -> None:
                advance(outcome.key)
                _report(outcome, paths[outcome.key], dry_run=self.dry_run)

            outcomes = store.extract(
                sources,
                strict=self.strict,
                force=self.force,
                verify=self.verify,
                dry_run=self.dry_run,
                client=client,
                progress=report,
            )
        self._print(outcomes, paths, time.perf_counter() - start)
        if any(outcome.status == "failed" for outcome in outcomes):
            raise typer.Exit(USER)

    def _print(
        self, outcomes: "Sequence[Outcome]", paths: Mapping[str, Path], seconds: float
    ) -> None:
        lowest = min((one.lowest_cosine for one in outcomes), default=1.0)
        if self.as_json:
            files = [
                {"path": str(paths[one.key]), "file": str(one.path), "status": one.status}
                for one in outcomes
            ]
            document: dict[str, Any] = {"folder": str(self.output), "seconds": round(seconds, 3)}
            if self.dry_run:
                document["dry_run"] = True
            if self.basis is not None:
                document["lowest_cosine"] = round(lowest, 6)
            print_json({**document, "files": files})
            return
        counts = Counter[str](one.status for one in outcomes)
        statuses = ("extracted", "redone", "kept", "failed")
        shares = ", ".join(f"{counts[one]} {one}" for one in statuses if counts[one])
        work = counts["extracted"] + counts["redone"]
        speed = f", {work / seconds:.1f} images/s" if work and not self.dry_run else ""
        text = f"{self.output}: {shares} ({seconds:.1f} s{speed})"
        if self.dry_run:
            text = f"{self.output}: would be {shares}"
        if self.basis is not None and lowest < 1:
            text += f"; packing to 8 bits turns no cell by more than {degrees(lowest)}"
        say(text, err=False)


def _report(outcome: "Outcome", path: Path, *, dry_run: bool) -> None:
    from ...descriptors.errors import ForeignFileError

    if outcome.frames > 1:
        say(f"{path} has {outcome.frames} frames: the first is taken")
    if outcome.status == "redone" and not dry_run:
        say(f"{outcome.path}: {outcome.reason}, extracted again")
    if outcome.error is None:
        return
    message, hint = outcome.error.message, outcome.error.hint
    if isinstance(outcome.error, ForeignFileError):
        hint = "move it away, or write over it with --force"
    say_error(message, hint)


def _source(path: Path) -> Path | Callable[[], Any]:
    """The image at a path; of a feature file, what says that it is one."""
    from ...applications.exchange.photographs import SUFFIXES

    if path.suffix.lower() in SUFFIXES or not holds_features(path):
        return path

    def refuse() -> Any:
        from ...descriptors.errors import ImageError

        raise ImageError(
            f"{path} is a feature file already", hint="give it to `descr match` as it is"
        )

    return refuse


def _check_folder(folder: Path) -> None:
    """Raise `UserError` if something that is no folder is in the way."""
    for path in (folder, *folder.parents):
        if os.path.exists(path) and not os.path.isdir(path):
            raise UserError(f"-o {folder}: {path} is not a folder", hint="choose another folder")


@contextlib.contextmanager
def _folders(folders: set[Path]) -> Iterator[None]:
    """Remove the folders that are not there yet if, in the end, nothing lies in them."""
    needed = {path for folder in folders for path in (folder, *folder.parents)}
    missing = [path for path in sorted(needed, reverse=True) if not os.path.exists(path)]
    try:
        yield
    finally:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()
