"""`descr models`: the weights of models, and where they are."""

import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console.errors import UserError, say
from ..console.help import Command, Group
from ..console.tables import Table, print_facts, print_json, print_tables
from ..options.common import Json
from ..options.names import completer

if TYPE_CHECKING:
    from ...descriptors.weights import Model

_HERE = {"whole": "yes", "part": "in part", "none": "no"}

_EXAMPLES = """\
descr models pull fused
descr models pull sd-1.5 --precision float32
descr models pull dinov2-small
descr match a.jpg b.jpg --descriptor dinov2 --set model=dinov2-small
descr match a.jpg b.jpg --descriptor dinov2 --set model=/my/finetuned/folder"""

app = typer.Typer(cls=Group, invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def _models(context: typer.Context) -> None:
    """List, download, convert, find and remove the weights of models.

    Nothing else downloads anything.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _names() -> Iterable[str]:
    from ...descriptors.weights import MODELS

    return (*MODELS, *MODELS.by_descriptor())


Precision = StrEnum("Precision", "FLOAT16 FLOAT32")
"""The variants of weights."""
_complete = completer(_names)
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...",
        help="Models, or descriptors for all that they need (sd, dinov2, dinov3, fused, ...).",
        autocompletion=_complete,
    ),
]


@app.command("list", cls=Command, short_help="List the models: on this machine or not.")
def list_models(as_json: Json = False) -> None:
    """List the models: whether they are on this machine, sizes of the downloads, licence."""
    from rich.filesize import decimal

    from ...descriptors.weights import MODELS

    listed = [_document(model) for model in MODELS.whole()]
    descriptors = {
        name: [model.name for model in models] for name, models in MODELS.by_descriptor().items()
    }
    if as_json:
        print_json({"models": listed, "descriptors": descriptors})
        return
    rows = []
    for one in listed:
        here = " ".join([_HERE[one["here"]], *one["precisions"]])
        sizes = [decimal(one[key]) if one[key] else "-" for key in ("bytes", "float32_bytes")]
        rows.append([one["name"], here, *sizes, one["licence"]])
    titles = ["model", "here", "download", "float32", "licence"]
    print_tables([Table(titles, rows, ["download", "float32"])])
    print_facts([(name, f"takes {' and '.join(models)}") for name, models in descriptors.items()])


@app.command("pull", cls=Command, epilog=_EXAMPLES, short_help="Download the weights of models.")
def pull_models(
    names: Names,
    precision: Annotated[
        Precision | None,
        typer.Option(
            metavar="PRECISION", help="float16 (the default where it is published) or float32."
        ),
    ] = None,
) -> None:
    """Download the weights of models, unless they are here.

    Says before it begins what comes, from where, and under which licence.
    A download that was stopped goes on where it stopped. HF_HOME or HF_HUB_CACHE say where the
    weights go, HF_TOKEN logs in, HF_ENDPOINT names a mirror of the hub.
    """
    from ...descriptors.weights import pull
    from ..console.pulling import announce, progress_display

    models = _models_of(names)
    for model in models:
        announce(model, precision and precision.value)
    for model in models:
        try:
            with progress_display(model.name) as progress:
                weights = pull(
                    model.name, precision=precision and precision.value, progress=progress
                )
        except KeyboardInterrupt:
            say("what has arrived is kept: run the same command again to go on")
            raise
        # On lines that are not broken: a path is there to be copied.
        revision = weights.revision.partition("+")[0]
        kind = "commit" if model.repositories else "fingerprint"
        about = f"{model.name}: {model.title}, licence {model.licence}, {kind} {revision}"
        typer.echo(f"{about}, {weights.precision}")
        say(weights.folder, err=False)


@app.command("convert", cls=Command, short_help="Make a captioner of the authors' checkpoint.")
def convert_captioner(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The authors' checkpoint.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where it goes."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another captioner that is there.")
    ] = False,
) -> None:
    """Take the captioner out of odise_label_coco_50e-b67d2efc.pth, as safetensors.

    The file is downloaded by hand, from https://github.com/NVlabs/ODISE/releases. Tensors alone are
    read, and no code in it is run. captioner.safetensors goes where the name odise finds it, by
    DESCR_HOME, or to the FOLDER. The other half is CLIP: descr models pull clip-vit-l-14-336.
    """
    from ...descriptors.weights import convert, find_model
    from ...descriptors.weights.captioner import SOURCE

    path = convert(file, output, overwrite=overwrite)
    model = find_model("odise")
    typer.echo(f"{model.name}: {model.title}, licence {model.licence}, from {SOURCE}")
    say(path, err=False)


@app.command("path", cls=Command, short_help="Print the folders of models.")
def print_paths(names: Names) -> None:
    """Print the folder that holds the weights of each model, one on a line."""
    from ...descriptors.weights import find_weights

    folders = [find_weights(model.name, model.family).folder for model in _models_of(names)]
    for folder in folders:
        say(folder, err=False)


@app.command("remove", cls=Command, short_help="Remove the weights of models.")
def remove_models(
    names: Names,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Don't ask, also at a terminal.")
    ] = False,
) -> None:
    """Remove the weights of models from this machine.

    What was pulled lies in a cache that programs of other libraries share: those, too, will have
    to download it again.
    """
    from rich.filesize import decimal

    from ...descriptors.weights import holdings, remove

    models = _models_of(names)
    folders = [folder for model in models for folder in holdings(model.name)]
    if folders and not yes and _asks():
        for folder in folders:
            say(folder)
        if not typer.confirm("Remove?", err=True):
            raise UserError("nothing was removed", hint="answer y, or give --yes")
    for model in models:
        freed = remove(model.name)
        done = f"removed, {decimal(freed)} freed" if freed else "was not on this machine"
        typer.echo(f"{model.name}: {done}")


def _asks() -> bool:
    """Whether somebody sits there who can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _models_of(names: Sequence[str]) -> "list[Model]":
    """The models that are meant, each once, in their order; `OptionError` for an unknown name."""
    from ...descriptors.weights import find_models

    return list(dict.fromkeys(model for name in names for model in find_models(name)))


def _document(model: "Model") -> dict[str, Any]:
    from ...descriptors.weights import cached, holdings

    weights = cached(model.name)
    here = "whole" if weights is not None else "part" if holdings(model.name) else "none"
    variants = [cached(model.name, precision=one.value) for one in Precision if model.half]
    return {
        "name": model.name,
        "title": model.title,
        "here": here,
        "precisions": sorted({one.precision for one in variants if one is not None}),
        "bytes": model.size,
        "float32_bytes": model.full_size,
        "licence": model.licence,
        "citation": model.citation,
        "layers": list(model.layers),
        "gate": model.gate,
        "repositories": list(model.repositories),
        "folder": None if weights is None else str(weights.folder),
        "revision": None if weights is None else weights.revision,
    }
