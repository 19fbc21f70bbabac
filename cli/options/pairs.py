"""Pairs of a file matched one after the other, each image described once."""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console.errors import UserError, say
from .comparison import Comparison, Trees, prepare
from .inputs import check_photographs, holds_features
from .matches import MatchCommand
from .method import ImageMethod
from .outputs import write_all

if TYPE_CHECKING:
    import xarray as xr

    from ...applications.evaluation.run.journal import Journal
    from ...applications.exchange import PairRow
    from ...descriptors.errors import DescrError

COLUMNS = (
    *("source", "target", "cells", "matches", "inliers", "mean_score", "mutual", "coherent"),
    *("doubtful", "seconds", "file", "error"),
)
Names = tuple[str, str]
"""A pair, as its row names source and target."""


@dataclass(frozen=True, eq=False)
class _PairComparison(Comparison):
    """A pair whose maps are made."""

    both: "tuple[xr.DataArray, ...]" = ()

    def maps(self) -> "list[xr.DataArray]":
        """See `Comparison.maps`."""
        return list(self.both)


class PairRun:
    """The work on the rows of a file of pairs.

    Args:
        rows: Those of the file.
        method: With what images are described and matched.
        command: What makes the command on one pair of its files and outputs.
        folders: Where files are looked for, in this order.
        scratch: A folder for what is needed until the reports are written.
        features: Where features are kept; None for memory and a temporary file.
        matches: Where the matches of each pair go, if anywhere.
        draws: Whether each pair is drawn.

    Attributes:
        pictures: The drawing of each pair, a JPEG file.
        kept: How many pairs of the journal were kept.
    """

    def __init__(
        self,
        rows: "Sequence[PairRow]",
        method: ImageMethod,
        command: "Callable[[Path, Path, Sequence[Path]], MatchCommand]",
        *,
        folders: Sequence[Path],
        scratch: Path,
        features: Path | None,
        matches: Path | None,
        draws: bool,
    ) -> None:
        self._rows, self._method, self._command, self._folders = rows, method, command, folders
        self._scratch, self._features, self._matches, self._draws = (
            scratch,
            features,
            matches,
            draws,
        )
        self._answers: dict[Names, dict[str, Any]] = {}
        self._faults: dict[Names, str] = {}
        self.pictures: dict[Names, Path] = {}
        self.kept = 0

    def table(self) -> list[dict[str, Any]]:
        """A row of the report for each row of the file, None where there is nothing to say."""
        table = []
        for row in self._rows:
            names = row.source, row.target
            answer = self._answers.get(names, {})
            error = row.fault or self._faults.get(names)
            values = dict(zip(("source", "target"), names, strict=True)) | answer
            values["error"] = error or None
            table.append({name: values.get(name) for name in COLUMNS})
        return table

    def match(self, path: Path | None, work: Mapping[str, Any]) -> None:
        """Match the pairs that are not in the journal at a path, of work that is the same."""
        from ...applications.evaluation.run.journal import Journal

        paths = self._paths()
        with nullcontext() if path is None else Journal(path, work) as journal:
            if journal is not None:
                if journal.differs:
                    say(f"{path}: other settings than before, beginning anew")
                self._keep(journal, paths)
            self.kept = len(self._answers)
            rest = {names: both for names, both in paths.items() if names not in self._answers}
            if rest:
                self._match(rest, journal)

    def _paths(self) -> dict[Names, tuple[Path, Path]]:
        """The files of each pair; notes what is wrong with the others."""
        from ...applications.exchange.pairs import find_file

        paths: dict[Names, tuple[Path, Path]] = {}
        for row in self._rows:
            names = row.source, row.target
            if row.fault:
                continue
            source, target = (find_file(name, self._folders) for name in names)
            if source is None or target is None:
                missing = row.source if source is None else row.target
                self._faults[names] = f"no such file: {missing}"
            elif source.samefile(target):
                self._faults[names] = f"source and target are the same image: {row.source}"
            else:
                paths[names] = source, target
        return paths

    def _keep(self, journal: "Journal", paths: Mapping[Names, tuple[Path, Path]]) -> None:
        """Take over the pairs of a journal whose files are as they were."""
        for record in journal.records():
            line, _, picture = record.partition(b"\n")
            about = json.loads(line)
            names = about["pair"][0], about["pair"][1]
            if names not in paths or about["stamps"] != _stamps(paths[names]):
                continue
            answer, has_matches = about["answer"], True
            if self._matches is not None:
                file = self._matches / answer.get("file", "")
                has_matches = file.is_file()
            if has_matches and (picture or not self._draws or about["photographs"] is False):
                self._answers[names] = answer
                self._draw(names, picture)

    def _match(self, paths: Mapping[Names, tuple[Path, Path]], journal: "Journal | None") -> None:
        from ...descriptors.errors import DescrError, OutputError
        from ..console.progress import progress_bar

        files = list(dict.fromkeys(path for both in paths.values() for path in both))
        method, failures = self._method, dict[Path, DescrError]()
        if not any(map(holds_features, files)):
            method = replace(method, folders=None)
        comparison = prepare(files, method, failures)
        places = {one.path: at for at, one in enumerate(comparison.inputs)}
        with (
            self._trees(comparison, failures) as tree_at,
            progress_bar(len(paths), "pairs") as advance,
        ):
            for names, both in paths.items():
                advance(" ".join(names))
                try:
                    for path in both:
                        if path in failures:
                            raise failures[path]
                    start, stamps = time.perf_counter(), _stamps(both)
                    pair = _pair(comparison, [places[path] for path in both], tree_at)
                    answer, picture, photographs = self._answer(names, pair)
                except OutputError:
                    raise
                except DescrError as error:
                    self._faults[names] = error.message
                    continue
                answer["seconds"] = round(time.perf_counter() - start, 3)
                self._answers[names] = answer
                self._draw(names, picture)
                if journal is not None:
                    about = {
                        "pair": names,
                        "stamps": stamps,
                        "photographs": photographs,
                        "answer": answer,
                    }
                    journal.add(json.dumps(about).encode() + b"\n" + picture)

    @contextmanager
    def _trees(
        self, comparison: Comparison, failures: "dict[Path, DescrError]"
    ) -> "Iterator[Callable[[int], xr.DataTree]]":
        """What gives the feature tree of an input, by its place."""
        from ...descriptors import FeatureStore
        from ..console.progress import progress_bar

        inputs, describe = comparison.inputs, comparison.describe
        if self._features is None or describe is None:
            with Trees(comparison) as trees:
                yield trees.__getitem__
            return
        store = FeatureStore(self._features, describe.item, lossless=True)
        keys = {_key(one.path): one.path for one in inputs if not one.has_features}
        with progress_bar(len(keys), "images") as advance, describe.at_work():
            for outcome in store.extract(keys, progress=lambda outcome: advance(outcome.key)):
                if outcome.error is not None:
                    failures[keys[outcome.key]] = outcome.error

        def tree_at(place: int) -> Any:
            one = inputs[place]
            return one.tree if one.has_features else store[_key(one.path)]

        yield tree_at

    def _answer(
        self, names: Names, pair: _PairComparison
    ) -> tuple[dict[str, Any], bytes, bool | None]:
        """The row of a pair, its drawing (b"" for none), and whether its photographs are there.

        That is None where nobody looked.
        """
        drawing, table = self._scratch / "pair.jpg", self._scratch / "pair.csv"
        photographs = True if self._draws else None
        if self._draws:
            try:
                check_photographs(pair.inputs, "a drawing")
            except UserError:
                photographs = False
        output = [*([drawing] if photographs else []), *([table] if self._matches else [])]
        source, target = (one.path for one in pair.inputs)
        answer = self._command(source, target, output).compare(pair, lambda maps: [None, None])
        for path in output:
            answer.writers[path](path)
        numbers, scores = answer.numbers, [row["score"] for row in answer.more()["matches"]]
        agreement, verification = numbers["agreement"], numbers.get("verification", {})
        row = {
            "cells": numbers["cells"],
            "matches": verification.get("matches", numbers["kept"]),
            "inliers": verification.get("inliers"),
            "mean_score": round(sum(scores) / len(scores), 5) if scores else None,
            **{name: agreement[name] for name in ("mutual", "coherent", "doubtful")},
        }
        if self._matches is not None:
            row["file"] = _file_name(names)
            write_all({self._matches / row["file"]: lambda to: to.write_bytes(table.read_bytes())})
        return row, drawing.read_bytes() if photographs else b"", photographs

    def _draw(self, names: Names, picture: bytes) -> None:
        if picture and self._draws:
            self.pictures[names] = self._scratch / f"{len(self.pictures)}.jpg"
            self.pictures[names].write_bytes(picture)


def _pair(
    comparison: Comparison, places: Sequence[int], tree_at: "Callable[[int], xr.DataTree]"
) -> _PairComparison:
    """Two of the inputs, and their maps, which can be compared."""
    from ...descriptors import combine

    inputs = [comparison.inputs[place] for place in places]
    maps = [fmap for one in inputs if (fmap := one.fmap) is not None]
    maps = maps or combine([tree_at(place) for place in places], basis=comparison.basis)
    about = (comparison.describe, comparison.matcher, comparison.basis)
    return _PairComparison(inputs, *about, both=tuple(maps))


def shown_columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of a report in which there is anything."""
    return [name for name in COLUMNS if any(row[name] is not None for row in rows)]


def _stamps(paths: tuple[Path, Path]) -> list[list[int]]:
    """Size and time of both files."""
    from ...descriptors.store.index import stamp

    return [list(stamp(path)) for path in paths]


def _key(path: Path) -> str:
    """The name of an image in a store, which no other image has."""
    digest = hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()
    return f"{digest[:16]}/{path.name}"


def _file_name(names: Names) -> str:
    """What the matches of a pair are called: after both, and as those of no other pair."""
    stems = (re.sub(r"[^\w-]", "_", Path(name).stem, flags=re.ASCII)[:40] for name in names)
    digest = hashlib.sha256(os.fsencode("\n".join(names))).hexdigest()
    return f"{'-'.join(stems)}-{digest[:8]}.csv"
