"""`descr index`: the maps of a corpus, in which `descr search` looks."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer

from ..console.errors import USER, UserError, say, say_error
from ..console.help import Command, Group
from ..console.tables import facts_of, print_json
from ..options import common as options
from ..options.cluster import ClusterOptions
from ..options.command import WorkCommand
from ..options.groups import argument, as_function

if TYPE_CHECKING:
    from ...applications.search import Change, Index

app = typer.Typer(cls=Group, help="Keep the features of many images in a form to search in.")

Engine = StrEnum("Engine", "TILES FAISS")

_STATUSES = "added", "replaced", "kept", "removed", "failed"


def _index_argument() -> Any:
    return argument("INDEX", "An index of `descr index build`.")


@dataclass(frozen=True, kw_only=True)
class Build(WorkCommand):
    """Make an index of the features that `descr extract` has kept in a folder.

    Run again, it brings the index up to date: what was added to the folder is added to it, what has
    changed is replaced, and what is gone is removed.
    """

    EXAMPLES: ClassVar[str] = """\
descr extract photographs -o features
descr basis fit features -o birds.nc --components 128
descr index build features -o birds.index --basis birds.nc
descr search robin.jpg birds.index --point 210,135"""

    store: Path = argument("STORE", "A folder of feature files, or of maps of the basis.")
    output: Path = options.result_field(
        "FOLDER", "The index. It is made if there is none.", "--output", "-o", default=...
    )
    basis: Path | None = options.how_field(
        "FILE", "The basis of the index, of `descr basis fit`; an index that is there has its own."
    )
    engine: Engine | None = options.how_field(
        "NAME",
        "What images are found by: tiles, or for parts of a few cells FAISS (extra `search`); by "
        "default what the index has, and a new one has tiles.",
    )
    strict: bool = options.result_field.flag("Stop at the first image that can't be taken.")
    verify: bool = options.result_field.flag(
        "Read all of the index, too, and make anew what is damaged of it."
    )
    cluster: ClusterOptions

    @property
    def read(self) -> list[Path]:
        """See `WorkCommand.read`."""
        return [] if self.basis is None else [self.basis]

    def check(self) -> None:
        """Refuse a folder that is none, and an index inside of it."""
        if not self.store.is_dir():
            raise UserError(f"{self.store} is not a folder", hint="name one of `descr extract`")
        output, store = self.output.resolve(), self.store.resolve()
        if output == store or store in output.parents:
            raise UserError(
                f"-o {self.output}: lies in {self.store}, whose files are put into the index",
                hint="choose another folder",
            )

    def work(self) -> None:
        """Bring the index up to date, and print what became of the images."""
        from ...applications.search import Index
        from ...descriptors import Basis, FeatureStore
        from ..console.progress import progress_bar

        start = time.perf_counter()
        basis = None if self.basis is None else Basis.load(self.basis)
        store = FeatureStore(self.store)
        changes: list[Change] = []
        with self.cluster.client() as client, progress_bar(len(store), "images") as advance:

            def report(change: "Change") -> None:
                if change.status != "removed":
                    advance(change.key)
                if change.error is not None:
                    say_error(change.error.message, change.error.hint)
                changes.append(change)

            index = Index.build(
                self.output,
                store,
                basis=basis,
                engine=self.engine and self.engine.value,
                strict=self.strict,
                verify=self.verify,
                client=client,
                progress=report,
            )
        self._print(index, changes, time.perf_counter() - start)
        if any(change.status == "failed" for change in changes):
            raise typer.Exit(USER)

    def _print(self, index: "Index", changes: "Sequence[Change]", seconds: float) -> None:
        from rich.filesize import decimal

        info = index.info
        counts = Counter[str](change.status for change in changes)
        if self.as_json:
            print_json(
                {
                    "index": str(self.output),
                    "images": info.images,
                    "bytes": info.bytes,
                    "seconds": round(seconds, 3),
                    **{status: counts[status] for status in _STATUSES},
                    "changes": [
                        {"image": change.key, "status": change.status}
                        for change in changes
                        if change.status != "kept"
                    ],
                }
            )
            return
        shares = ", ".join(f"{counts[one]:,} {one}" for one in _STATUSES if counts[one])
        work = counts["added"] + counts["replaced"]
        speed = f", {work / seconds:.1f} images/s" if work else ""
        say(
            f"{self.output}: {shares or 'nothing to do'} ({seconds:.1f} s{speed}); "
            f"{info.images:,} images, {decimal(info.bytes)}",
            err=False,
        )


@dataclass(frozen=True, kw_only=True)
class Info(WorkCommand):
    """Show what an index holds, and whether it is whole."""

    EXAMPLES: ClassVar[str] = """\
descr index info birds.index
descr index info birds.index --verify"""

    folder: Path = _index_argument()
    verify: bool = options.result_field.flag("Read all of it: every byte has a checksum.")
    recall: bool = options.result_field.flag(
        "Measure of how many of the best images a search finds by its engine, which takes some "
        "minutes, and keep it with the index."
    )

    def work(self) -> None:
        """Print it; exits with 2 if a part is damaged."""
        from rich.filesize import decimal

        from ...applications.search import Index
        from ..options.choice import descriptor_name

        index = Index(self.folder)
        if self.recall:
            index.measure_recall()
        info, basis = index.info, index.basis
        errors = [error for _, error in index.verify() if error] if self.verify else []
        for error in errors:
            say_error(error.message, error.hint)
        share = info.tile_bytes / info.bytes
        document = {
            "index": str(self.folder),
            "images": info.images,
            "shards": info.shards,
            "cells": info.cells,
            "bytes": info.bytes,
            "tile_bytes": info.tile_bytes,
            "engine": info.engine,
            "engine_bytes": info.engine_bytes,
            "descriptor": descriptor_name(basis.layers.values()),
            "layers": {path: basis.components(path) for path in basis.layers},
            "basis": basis.identity,
            "recall": info.recall,
            **({"damaged": [error.message for error in errors]} if self.verify else {}),
        }
        facts = {
            **document,
            "images": f"{info.images:,}",
            "cells": f"{info.cells:,}",
            "bytes": f"{decimal(info.bytes)}, of which {share:.0%} are tiles",
            "engine": f"{info.engine}, {decimal(info.engine_bytes or info.tile_bytes)}",
            "recall": _recall_text(info.recall),
            **({"damaged": ("no", "yes")[bool(errors)]} if self.verify else {}),
        }
        del facts["tile_bytes"], facts["engine_bytes"]
        self.print_result(document, facts_of(facts))
        if errors:
            raise typer.Exit(USER)


def _recall_text(recall: "Mapping[str, Any] | None") -> str:
    if recall is None:
        return "not measured: --recall does"
    shares = ", ".join(f"{share:.0%} of {size}" for size, share in recall["recall"].items())
    return f"of the best {recall['top']}: {shares} ({recall['queries']} queries each)"


@dataclass(frozen=True, kw_only=True)
class Remove(WorkCommand):
    """Remove images from an index.

    They come back when it is built again from a folder that has them.
    """

    EXAMPLES: ClassVar[str] = "descr index remove birds.index garden/robin.jpg"

    folder: Path = _index_argument()
    keys: list[str] = argument("KEY...", "Images by their names in the index, as hits give them.")

    def work(self) -> None:
        """Remove them, and print how many are left."""
        from ...applications.search import Index

        keys = dict.fromkeys(self.keys)
        try:
            index = Index(self.folder).remove(keys)
        except KeyError as error:
            raise UserError(
                f"{self.folder} has no image {error.args[0]!r}",
                hint="give the names as `descr search` prints them; nothing was removed",
            ) from error
        document = {"index": str(self.folder), "removed": len(keys), "images": len(index)}
        self.print_result(document, facts_of(document))


for _command in (Build, Info, Remove):
    app.command(_command.__name__.lower(), cls=Command, epilog=_command.EXAMPLES)(
        as_function(_command)
    )
