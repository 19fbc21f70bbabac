"""`descr match --pairs`: many pairs of images, matched one after the other into one report."""

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from ..console.errors import USER, UserError, say, say_error
from ..console.tables import Table
from ..options import common as options
from ..options.command import WorkCommand
from ..options.drawings import LineDrawingOptions
from ..options.groups import Panel, same_option
from ..options.masks import PairMasks
from ..options.method import MatchMethod
from ..options.names import AUTO
from ..options.outputs import write_all
from ..options.pairs import COLUMNS, PairRun, shown_columns
from ..options.verification import Verification
from .match import Match

_WORDS = "source", "target", "file", "error"
_PICTURE = 640  # width of the drawings of a page, in pixels
_pairs_field = Panel("Which pairs")


@dataclass(frozen=True, kw_only=True)
class PairsMethod(MatchMethod):
    """Those of pairs that a file names."""

    folders: list[Path] | None = options.how_field(
        "FOLDER",
        "Look for the images of the pairs, or their feature files, in this folder too, not only in "
        f"that of the CSV file; and for the photographs of feature files below. {options.AGAIN}",
        "--images",
    )


@dataclass(frozen=True)
class _OnePair(Match):
    """The match of one pair among many."""

    def warn(self, text: str) -> None:
        """Say nothing: the report has columns for it."""


@dataclass(frozen=True, kw_only=True)
class MatchPairs(WorkCommand):
    """Match many pairs of images, and write one report.

    The features of each image are extracted once. Of each pair the report says how many matches
    there are, their mean score, how many the verification keeps, and how far the images agree. A
    pair that can't be matched is one line of error, and the others go on.

    With -o, what was done is kept in a journal beside the first report: the same command, also
    with further pairs, goes on from there, and matches again only pairs whose files have changed.
    """

    EXAMPLES: ClassVar[str] = """\
descr match --pairs pairs.csv --images photographs -o report.csv -o report.html
descr match --pairs pairs.csv --verify homography --features features --matches matches"""

    pairs: Path = _pairs_field(
        "FILE",
        "A CSV file with the columns source,target: images or feature files, as paths from its "
        "folder, or from --images. `descr neighbours` writes one.",
        "--pairs",
        default=...,
    )
    min_score: float | None = same_option(Match, "min_score")
    max_matches: int | None = same_option(Match, "max_matches")
    verification: Verification
    method: Annotated[PairsMethod, {"matcher": "mutual"}]
    features: Path | None = options.how_field(
        "FOLDER",
        "Keep the features of images there, for other runs; in memory and a temporary file by "
        "default.",
    )
    output: list[Path] | None = options.output_field(
        "Write the report as .csv or .json, or as .html with a drawing of each pair."
    )
    matches: Path | None = options.result_field(
        "FOLDER", "Write the matches of each pair to a .csv file in this folder."
    )
    SUFFIXES: ClassVar = {
        "output": {".csv": "table", ".json": "table", ".html": "page with drawings"}
    }

    @property
    def read(self) -> list[Path]:
        """See `WorkCommand.read`."""
        return [self.pairs, *filter(None, [self.method.basis])]

    def check(self) -> None:
        """Refuse what `descr match` refuses of the same options, and folders that are files."""
        self._one_pair(Path(), Path(), []).check()
        for option, folder in (("--features", self.features), ("--matches", self.matches)):
            if folder is not None and os.path.exists(folder) and not os.path.isdir(folder):
                raise UserError(f"{option} {folder} is not a folder", hint="choose another one")

    def work(self) -> None:
        """Match the pairs, write the reports and print what came of it."""
        import xarray as xr

        from ...applications.exchange import read_pairs
        from ...applications.exchange.matches import write_table
        from ...applications.exchange.pairs import write_page

        start = time.perf_counter()
        rows = read_pairs(self.pairs)
        if self.matches is not None:
            self.matches.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="descr-") as scratch:
            run = PairRun(
                rows,
                self.method,
                self._one_pair,
                folders=[self.pairs.parent, *(self.method.folders or ())],
                scratch=Path(scratch),
                features=self.features,
                matches=self.matches,
                draws=any(path.suffix.lower() == ".html" for path in self.written()),
            )
            journal = Path(f"{self.written()[0]}.journal") if self.written() else None
            try:
                run.match(journal, self._identity())
            except (KeyboardInterrupt, SystemExit):
                if journal is not None:
                    say(f"what was done is kept in {journal}: the same command goes on from there")
                raise
            table = run.table()
            title = f"descr match --pairs {self.pairs.name}"

            def write(target: Path, suffix: str) -> None:
                if suffix == ".html":
                    write_page(target, title, shown_columns(table), table, run.pictures)
                else:
                    write_table(target, xr.Dataset(), table, COLUMNS, {"pairs": table})

            write_all({path: partial(write, suffix=path.suffix.lower()) for path in self.written()})
        faults = [(row.line, one["error"]) for row, one in zip(rows, table, strict=True)]
        for line, fault in faults:
            if fault is not None:
                say_error(f"{self.pairs} line {line}: {fault}")
        about = {
            "pairs": len(table),
            "kept": run.kept,
            "failed": sum(fault is not None for _, fault in faults),
            "seconds": round(time.perf_counter() - start, 3),
        }
        tables = [] if self.written() else [_as_table(table)]
        document = {**about, "written": [str(path) for path in self.written()], "rows": table}
        self.print_result(document, [(name, f"{one:,}") for name, one in about.items()], tables)
        if about["failed"]:
            raise typer.Exit(USER)

    def _one_pair(self, a: Path, b: Path, output: Sequence[Path]) -> _OnePair:
        return _OnePair(
            a=a,
            b=b,
            points=None,
            min_score=self.min_score,
            max_matches=self.max_matches,
            verification=self.verification,
            masks=PairMasks(),
            method=self.method,
            drawing=LineDrawingOptions(width=_PICTURE, no_titles=True),
            output=list(output),
        )

    def _identity(self) -> dict[str, Any]:
        """What decides the answer for a pair, besides its files."""
        from ...descriptors import Basis, best_descriptor

        about: dict[str, Any] = {"version": version("descr-sdk")}
        about["matches"] = [self.min_score, self.max_matches]
        for name in ("method", "verification"):
            group = getattr(self, name)
            plain = {one.name: getattr(group, one.name) for one in fields(group)}
            about[name] = {
                key: one for key, one in plain.items() if key not in ("folders", "device")
            }
        if self.method.descriptor == AUTO:
            about["method"]["descriptor"] = best_descriptor()
        if self.method.basis is not None:
            about["method"]["basis"] = Basis.load(self.method.basis).identity
        return about


def _as_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The report as it is printed, without errors, which are lines of their own."""
    shown = [name for name in shown_columns(rows) if name != "error"]
    lines = [["-" if row[name] is None else str(row[name]) for name in shown] for row in rows]
    return Table(shown, lines, [name for name in shown if name not in _WORDS])
