"""`descr evaluate`: how right the matches are, on the data sets of the papers."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..console.errors import UserError, say
from ..options import common as options
from ..options.loading import load_library
from ..options.names import AUTO, complete_dataset, complete_recipe
from ..options.outputs import check_folders, check_suffixes, check_writable
from ..options.settings import split_settings
from .evaluation import (
    FOLDER,
    compare,
    kept_in,
    make_parts,
    make_row,
    open_data,
    print_report,
    show_progress,
    write_reports,
)

EXAMPLES = """\
descr evaluate spair-71k SPair-71k --recipe tale -o tale.json
descr evaluate spair-71k SPair-71k --descriptor dinov2 --sample 500 -o dinov2.json -o dinov2.md
descr evaluate pf-pascal PF-Pascal --descriptor mine:Network --matcher soft-argmax
descr evaluate --compare tale.json dinov2.json"""

REPORTS = {
    ".json": "the report, with the numbers of each pair",
    ".md": "the report as a page",
    ".nc": "the predictions of each pair",
}
COMPARISONS = {".json": "the comparison", ".md": "the comparison as a page"}


def evaluate(
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help=f"spair-71k, pf-pascal, pf-willow, tss, ap-10k, davis-2017, or {options.OWN}.",
            autocompletion=complete_dataset,
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Argument(metavar="ROOT", help="The folder that it was unpacked to.")
    ] = None,
    compared: Annotated[
        tuple[Path, Path] | None,
        options.data_option(
            "--compare",
            metavar="A.json B.json",
            help="Put two reports side by side instead, with intervals of the difference.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        options.data_option(
            metavar="NAME",
            help="A row of a paper: descriptor, matcher and protocol by one name. tale, tale-text, "
            "tale-sd, tale-dinov2, dift, dift-davis or geoaware.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    split: Annotated[
        str | None,
        options.data_option(metavar="NAME", help="The split, where there are several."),
    ] = None,
    category: Annotated[
        list[str] | None,
        options.data_option(
            metavar="NAME",
            help="Only pairs of this category, subset or video. Can be repeated.",
        ),
    ] = None,
    dataset_settings: Annotated[
        list[str] | None,
        options.data_option(
            "--dataset-set",
            metavar="KEY=VALUE",
            help="Another option of the data set, as in layout=small. Can be repeated.",
        ),
    ] = None,
    sample: options.Sample = None,
    seed: options.Seed = 0,
    descriptor: options.Descriptor = AUTO,
    settings: options.Settings = None,
    matcher: options.Matcher = "nearest",
    matcher_settings: options.MatcherSettings = None,
    points: Annotated[
        str | None,
        options.how_option(
            metavar="NAME",
            help="How points are read and answered: half-pixel, or as the code of a paper does, "
            "original, geoaware or dift.",
        ),
    ] = None,
    interpolation: Annotated[
        str | None,
        options.how_option(
            metavar="NAME",
            help="How features are read at points: nearest, as in most papers, or bilinear.",
        ),
    ] = None,
    align_pose: Annotated[
        bool,
        options.how_option(
            "--align-pose",
            help="Mirror the source where that brings it nearer to the target.",
        ),
    ] = False,
    accept_mirrored_parts: Annotated[
        bool,
        options.how_option(
            "--accept-mirrored-parts",
            help="Do so also where the data set doesn't tell left points from right ones.",
        ),
    ] = False,
    device: options.Device = None,
    folder: options.Folder = Path(FOLDER),
    features: options.Features = None,
    workers: options.Workers = None,
    output: Annotated[
        list[Path] | None,
        options.output_option(
            "Write the report as .json or .md, or the predictions as .nc. Can be repeated."
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Measure how right the matches are, on a data set of the papers.

    Every variant of the measure is printed, beside what was published, each with its protocol.
    Features are extracted once for each image and kept. A run that was stopped goes on where it
    was when the same command is given again. Data sets are never downloaded.
    """
    outputs = output or []
    if compared is not None:
        if dataset is not None or root is not None:
            raise UserError(
                "--compare takes two reports, and no data set",
                hint="as in descr evaluate --compare a.json b.json",
            )
        check_suffixes(outputs, COMPARISONS)
        compare(compared, outputs, as_json)
        return
    if dataset is None or root is None:
        raise UserError(
            "evaluate takes a data set and the folder that it lies in",
            hint="as in descr evaluate spair-71k SPair-71k; see descr evaluate --help",
        )
    check_suffixes(outputs, REPORTS)
    own = (("--matcher", matcher != "nearest"), ("--descriptor", descriptor != AUTO))
    for flag, given in (*own, ("--matcher-set", bool(matcher_settings))):
        if recipe is not None and given:
            raise UserError(
                f"{flag} and --recipe exclude each other: the recipe says what is taken",
                hint="leave out one of them",
            )
    # A recipe may align poses without being told to.
    if accept_mirrored_parts and not align_pose and recipe is None:
        raise UserError(
            "--accept-mirrored-parts has nothing to do without --align-pose", hint="give both"
        )
    check_folders(folder, features)
    of_dataset = split_settings(dataset_settings or (), "--dataset-set")
    of_descriptor = split_settings(settings or (), "--set")
    of_matcher = split_settings(matcher_settings or (), "--matcher-set")
    load_library()
    from ...applications.evaluation import Settings, build_report, find_recipe, predict
    from ...applications.evaluation.report.tables import report_markdown

    check_writable(outputs)
    row = None if recipe is None else find_recipe(recipe, dataset)
    data = open_data(dataset, root, of_dataset, row, split=split, category=tuple(category or ()))
    run_settings = Settings() if row is None else row.settings(data.truth)
    run_settings = replace(
        run_settings,
        points=points or run_settings.points,  # type: ignore[arg-type]
        interpolation=interpolation or "nearest",  # type: ignore[arg-type]
        sample=sample,
        seed=seed,
        align_pose=align_pose or run_settings.align_pose,
        accept_mirrored_parts=accept_mirrored_parts,
    )
    if row is None:
        describe, match = make_parts(descriptor, of_descriptor, matcher, of_matcher, device)
    else:
        describe, match = make_row(row, of_descriptor, device)
    with kept_in(folder):
        predictions = predict(
            data,
            describe,
            match,
            folder=folder,
            features=features,
            settings=run_settings,
            workers=workers,
            progress=show_progress,
            say=say,
        )
    report = build_report(predictions, data, recipe=row, progress=show_progress)
    changes = {**of_descriptor, "points": points, "interpolation": interpolation}
    changed = ", ".join(
        f"{key}={'local' if os.path.isdir(os.path.expanduser(value)) else value}"
        for key, value in changes.items()
        if value is not None
    )
    if row is not None and changed:
        report["note"] = "; ".join(part for part in (f"changed: {changed}", report["note"]) if part)
    write_reports(outputs, report, lambda: report_markdown(report), predictions)
    print_report(report, outputs, as_json)
