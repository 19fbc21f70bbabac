"""What evaluate and reproduce share: the options of a run, its progress, and the reports."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..console.errors import UserError, say
from ..console.tables import Fact, Table
from .command import WorkCommand
from .common import VERIFY
from .groups import Panel
from .outputs import write_all

data_field = Panel("What is evaluated")
work_field = Panel("The work")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How much is run, where it is written down, and how it is shown."""

    sample: int | None = data_field("N", "Only N pairs, of each category its share.", min=1)
    seed: int = data_field("S", "Another draw of the N.", default=0, min=0)
    folder: Path = work_field(
        "FOLDER",
        "Where the run is written down, so that it can be gone on with, and its predictions.",
        default=Path("descr-evaluation"),
    )
    features: Path | None = work_field(
        "FOLDER", "Where features are kept for other runs; FOLDER/features by default."
    )
    threads: int | None = work_field(
        "N", "How many threads match; one per processor, at most 8, by default.", min=1
    )
    verify: bool = work_field.flag(VERIFY)

    def of_library(self) -> dict[str, Any]:
        """Where and how the library runs."""
        names = ("folder", "features", "threads", "verify")
        own = {name: getattr(self, name) for name in names}
        return {**own, "progress": show_progress, "say": say}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Say that a run that is interrupted goes on from what lies in its folder."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            say(f"what was done is kept in {self.folder}: the same command goes on from there")
            raise


class RunCommand(WorkCommand):
    """A command whose result is a report."""

    run_options: RunOptions

    def check(self) -> None:
        """Refuse a folder that is something else."""
        for folder in (self.run_options.folder, self.run_options.features):
            if folder is not None and os.path.exists(folder) and not os.path.isdir(folder):
                raise UserError(f"{folder} is not a folder", hint="choose another folder")

    def write_report(
        self, document: Mapping[str, Any], page: Callable[[], str], predictions: Any = None
    ) -> None:
        """Write the document to outputs in .json, the page to .md, the predictions to .nc."""
        from ...applications.evaluation import save_predictions

        def write(target: Path, suffix: str) -> None:
            if suffix == ".nc":
                save_predictions(predictions, target)
                return
            text = page() if suffix == ".md" else json.dumps(document, indent=1, allow_nan=False)
            target.write_text(text.rstrip("\n") + "\n", encoding="utf-8")

        write_all({path: partial(write, suffix=path.suffix.lower()) for path in self.written()})

    def print_report(self, document: Any, facts: Sequence[Fact], tables: Sequence[Any]) -> None:
        """Print the document as JSON, or tables of the library and facts."""
        parts = ((one.columns, one.rows, one.columns[one.words :], one.title) for one in tables)
        self.print_result(document, facts, [Table(*one) for one in parts])


@contextmanager
def show_progress(stage: str, steps: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error for a stage of a run."""
    from ..console.progress import progress_bar

    with progress_bar(steps) as advance:
        yield lambda name: advance(f"{stage} {name}")
