"""`descr reproduce`: the rows of the papers on a data set, beside what was published."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import typer

from ..console.errors import USER, say_error
from ..options import common as options
from ..options.cluster import ClusterOptions
from ..options.groups import argument, same_option
from ..options.method import MethodOptions
from ..options.names import complete_dataset, complete_recipe
from ..options.runs import RunCommand, RunOptions, data_field, work_field


@dataclass(frozen=True, kw_only=True)
class Reproduce(RunCommand):
    """Measure the published numbers of a data set again.

    Each row is what `descr evaluate --recipe` gives, and runs after the one before. A command
    that was stopped goes on where it was when it is given again. Rows whose weights are missing
    are left out and named; the exit code is then 2.
    """

    EXAMPLES: ClassVar[str] = """\
descr reproduce spair-71k SPair-71k --dry-run
descr reproduce spair-71k SPair-71k -o spair.json -o spair.md
descr reproduce tss TSS_CVPR2016 --only tale-dinov2"""

    dataset: str = argument(
        "DATASET",
        "spair-71k, pf-pascal, tss, ap-10k or davis-2017.",
        autocompletion=complete_dataset,
    )
    root: Path = argument("ROOT", "The folder that it was unpacked to.")
    only: list[str] | None = data_field(
        "RECIPE", f"Only this row. {options.AGAIN}", autocompletion=complete_recipe
    )
    device: str | None = same_option(MethodOptions, "device")
    run_options: RunOptions
    cluster: ClusterOptions
    dry_run: bool = work_field.flag(
        "Say what the rows need, which weights are missing, and about how long they take, and run "
        "nothing."
    )
    output: list[Path] | None = options.output_field("Write the rows as .json or .md.")
    SUFFIXES: ClassVar = {
        "output": {".json": "the rows, with the report of each", ".md": "the rows as a page"}
    }

    def work(self) -> None:
        """Run the rows, write and print them."""
        from ...applications.evaluation import reproduce
        from ...applications.evaluation.protocols.costs import SPEED
        from ...applications.evaluation.run.reproduction import (
            reproduction_markdown,
            reproduction_table,
        )

        with self.run_options.kept(), self.cluster.client() as client:
            document = reproduce(
                self.dataset,
                self.root,
                only=self.only or (),
                sample=self.run_options.sample,
                seed=self.run_options.seed,
                device=self.device,
                dry_run=self.dry_run,
                client=client,
                **self.run_options.of_library(),
            )
        self.write_report(document, lambda: reproduction_markdown(document))
        facts = [
            (row["recipe"], f"differs: {row['report']['note']}")
            for row in document["rows"]
            if row.get("report", {}).get("note")
        ]
        if self.dry_run:
            estimate = f"networks at {SPEED:g} TFLOP/s, and one processor for the pairs"
            facts = [("estimated", estimate)]
        self.print_report(document, facts, [reproduction_table(document)])
        failures = [row for row in document["rows"] if "error" in row]
        for row in failures:
            say_error(f"{row['recipe']}: {row['error']}", row["hint"])
        if failures:
            raise typer.Exit(USER)
