"""`descr evaluate`: how right the matches are, on the data sets of the papers."""

import os
from pathlib import Path
from typing import Annotated

import typer

from .errors import UserError
from .evaluated import FOLDER, Request, compare, run
from .names import AUTO, complete_dataset, complete_recipe
from .options import Descriptor, Device, Json, Matcher, MatcherSettings, Settings
from .outputs import check_suffixes
from .settings import split_settings

EXAMPLES = """\
descr evaluate spair-71k SPair-71k --recipe tale -o tale.json
descr evaluate spair-71k SPair-71k --descriptor dinov2 --sample 500 -o dinov2.json -o dinov2.md
descr evaluate pf-pascal PF-Pascal --descriptor mine:Network --matcher soft-argmax
descr evaluate --compare tale.json dinov2.json"""

_WHAT = "What is evaluated"
_WORK = "The work"

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
            help="spair-71k, pf-pascal, pf-willow, tss, ap-10k, davis-2017, or "
            "package.module:Class.",
            autocompletion=complete_dataset,
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Argument(metavar="ROOT", help="The folder that it was unpacked to.")
    ] = None,
    compared: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="A.json B.json",
            help="Put two reports side by side instead, with intervals of the difference.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A row of a paper: descriptor, matcher and protocol by one name. tale, tale-sd, "
            "tale-dinov2, dift or geoaware.",
            autocompletion=complete_recipe,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The split, where there are several.", rich_help_panel=_WHAT
        ),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only pairs of this category, subset or video. Can be repeated.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    dataset_settings: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset-set",
            metavar="KEY=VALUE",
            help="Another option of the data set, as in layout=small. Can be repeated.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Only N pairs, of each category its share.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="S", min=0, help="Another draw of the N.", rich_help_panel=_WHAT),
    ] = 0,
    descriptor: Descriptor = AUTO,
    settings: Settings = None,
    matcher: Matcher = "nearest",
    matcher_settings: MatcherSettings = None,
    interpolation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How features are read at points: nearest, as in most papers, or bilinear.",
            rich_help_panel="How",
        ),
    ] = None,
    align_pose: Annotated[
        bool,
        typer.Option(
            "--align-pose",
            help="Mirror the source where that brings it nearer to the target.",
            rich_help_panel="How",
        ),
    ] = False,
    accept_mirrored_parts: Annotated[
        bool,
        typer.Option(
            "--accept-mirrored-parts",
            help="Do so also where the data set doesn't tell left points from right ones.",
            rich_help_panel="How",
        ),
    ] = False,
    device: Device = None,
    folder: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Where the run is written down, so that it can be gone on with, and its "
            "predictions.",
            rich_help_panel=_WORK,
        ),
    ] = Path(FOLDER),
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where features are kept for other runs; FOLDER/features by default.",
            rich_help_panel=_WORK,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="How many threads read and match; one per processor, at most 8, by default.",
            rich_help_panel=_WORK,
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the report as .json or .md, or the predictions as .nc. Can be repeated.",
            rich_help_panel="Results",
        ),
    ] = None,
    as_json: Json = False,
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
    for path in (folder, features):
        if path is not None and os.path.exists(path) and not os.path.isdir(path):
            raise UserError(f"{path} is not a folder", hint="choose another folder")
    run(
        Request(
            dataset=dataset,
            root=root,
            recipe=recipe,
            split=split,
            category=tuple(category or ()),
            dataset_settings=split_settings(dataset_settings or (), "--dataset-set"),
            sample=sample,
            seed=seed,
            descriptor=descriptor,
            settings=split_settings(settings or (), "--set"),
            matcher=matcher,
            matcher_settings=split_settings(matcher_settings or (), "--matcher-set"),
            interpolation=interpolation,
            align_pose=align_pose,
            accept_mirrored_parts=accept_mirrored_parts,
            device=device,
            folder=folder,
            features=features,
            workers=workers,
            outputs=outputs,
            as_json=as_json,
        )
    )
