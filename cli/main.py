"""The program `descr`: its commands, and what becomes of the errors that they raise."""

import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer

from .commands import basis, descriptors, doctor, index, info, matchers, models, samples, verifiers
from .commands.evaluate import Evaluate
from .commands.explore import Explore
from .commands.extract import Extract
from .commands.flow import Flow
from .commands.match import Match
from .commands.match_pairs import MatchPairs
from .commands.neighbours import Neighbours
from .commands.reproduce import Reproduce
from .commands.search import Search
from .commands.show import Show
from .commands.swap import Swap
from .commands.transfer import Transfer
from .console.errors import INTERRUPTED, UserError, report, say, wants_color
from .console.help import Command, Group
from .console.quiet import quiet, stoppable, uncollected
from .console.streams import guarded_streams
from .options.groups import as_function

NAME = "descr"
_ABOUT = "Find which place of one photograph is which place of another."
_FIRST_STEPS = f"""\
{_ABOUT}

Three commands to try, in an empty folder; the first writes two photographs:
  descr samples
  descr match cat.jpg cat-closer.jpg -o match.png
  descr explore cat.jpg cat-closer.jpg -o cat.html

All commands: descr --help. What this machine has, and what is wrong with it: descr doctor."""

app = typer.Typer(
    name=NAME,
    cls=Group,
    context_settings={"help_option_names": ["--help", "-h"]},
    help=_ABOUT,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    Match,
    Explore,
    Transfer,
    Show,
    Flow,
    Swap,
    Evaluate,
    Reproduce,
    Extract,
    Search,
    Neighbours,
):
    app.command(command.__name__.lower(), cls=Command, epilog=command.EXAMPLES)(
        as_function(command)
    )
app.command("match --pairs", cls=Command, epilog=MatchPairs.EXAMPLES, hidden=True)(
    as_function(MatchPairs)
)
app.add_typer(basis.app, name="basis", short_help="Fit a PCA once to many images.")
app.add_typer(index.app, name="index", short_help="Keep the features of images to search in.")
app.command("info", cls=Command, short_help="Show what is in feature files.")(info.info)
app.command("descriptors", cls=Command, short_help="List the descriptors and their options.")(
    descriptors.descriptors
)
app.command("matchers", cls=Command, short_help="List the matchers and their options.")(
    matchers.matchers
)
app.command("verifiers", cls=Command, short_help="List the verifiers and their options.")(
    verifiers.verifiers
)
app.add_typer(models.app, name="models", short_help="Download and manage the weights of models.")
app.command("doctor", cls=Command, short_help="Show what this machine has, and what is wrong.")(
    doctor.doctor
)
app.command("samples", cls=Command, short_help="Write two photographs to try descr with.")(
    samples.samples
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program on arguments, those of `sys.argv` by default; gives its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Taken wherever it stands: one thinks of it when the rest is already typed.
    debug = "--debug" in words
    with uncollected(), quiet(debug=debug), stoppable(), guarded_streams():
        try:
            if sys.stdout is None:
                raise UserError("cannot write to standard output: it is closed")
            code = _command()(
                args=[word for word in words if word != "--debug"],
                prog_name=NAME,
                standalone_mode=False,
                color=wants_color(),
            )
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            return report(error, debug=debug)
        if code == INTERRUPTED:
            say("interrupted")
    return code if isinstance(code, int) else 0


@cache
def _command() -> Any:
    """The commands as they are run: to make them out of `app` takes 25 ms."""
    return typer.main.get_command(app)


def _print_version(is_named: bool) -> None:
    if is_named:
        from importlib.metadata import version

        typer.echo(f"{NAME} {version('descr-sdk')}")
        raise typer.Exit


@app.callback()
def _descr(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors, and warnings.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(_FIRST_STEPS)
