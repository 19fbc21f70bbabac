"""`descr reproduce`: the rows of the papers on a data set, beside what was published."""

from pathlib import Path
from typing import Annotated

import typer

from ..console.errors import say, say_error
from ..console.tables import print_facts, print_json
from ..options import common as options
from ..options.loading import load_library
from ..options.names import complete_dataset, complete_recipe
from ..options.outputs import check_folders, check_suffixes, check_writable
from .evaluation import FOLDER, kept_in, print_tables, show_progress, write_reports

EXAMPLES = """\
descr reproduce spair-71k SPair-71k --dry-run
descr reproduce spair-71k SPair-71k -o spair.json -o spair.md
descr reproduce tss TSS_CVPR2016 --only tale-dinov2"""

REPORTS = {".json": "the rows, with the report of each", ".md": "the rows as a page"}


def reproduce(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="spair-71k, pf-pascal, tss, ap-10k or davis-2017.",
            autocompletion=complete_dataset,
        ),
    ],
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder that it was unpacked to.")
    ],
    only: Annotated[
        list[str] | None,
        options.data_option(
            metavar="RECIPE",
            help="Only this row. Can be repeated.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    sample: options.Sample = None,
    seed: options.Seed = 0,
    device: options.Device = None,
    folder: options.Folder = Path(FOLDER),
    features: options.Features = None,
    workers: options.Workers = None,
    dry_run: Annotated[
        bool,
        options.work_option(
            "--dry-run",
            help="Say what the rows need, which weights are missing, and about how long they "
            "take, and run nothing.",
        ),
    ] = False,
    output: Annotated[
        list[Path] | None,
        options.output_option("Write the rows as .json or .md. Can be repeated."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Measure the rows of the papers on a data set again, beside what was published.

    Each row is what `descr evaluate --recipe` gives, and runs after the one before. A command
    that was stopped goes on where it was when it is given again. Rows whose weights are missing
    are left out and named; the exit code is then 2.
    """
    outputs = output or []
    check_suffixes(outputs, REPORTS)
    check_folders(folder, features)
    load_library()
    from ...applications.evaluation import reproduce as run
    from ...applications.evaluation.protocols.costs import SPEED
    from ...applications.evaluation.run.reproduction import (
        reproduction_markdown,
        reproduction_table,
    )

    check_writable(outputs)
    with kept_in(folder):
        document = run(
            dataset,
            root,
            folder=folder,
            features=features,
            only=only or (),
            sample=sample,
            seed=seed,
            device=device,
            workers=workers,
            dry_run=dry_run,
            progress=show_progress,
            say=say,
        )
    write_reports(outputs, document, lambda: reproduction_markdown(document))
    if as_json:
        print_json(document)
    else:
        print_tables([reproduction_table(document)])
        estimated = f"networks at {SPEED:g} TFLOP/s, and one processor for the pairs"
        notes = [
            (row["recipe"], f"differs: {row['report']['note']}")
            for row in document["rows"]
            if row.get("report", {}).get("note")
        ]
        print_facts(
            [
                *([("estimated", estimated)] if dry_run else notes),
                *(("written", str(path)) for path in outputs),
            ]
        )
    failed = [row for row in document["rows"] if "error" in row]
    for row in failed:
        say_error(f"{row['recipe']}: {row['error']}", row["hint"])
    if failed:
        raise typer.Exit(2)
