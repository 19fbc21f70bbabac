"""Options that several commands share."""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

import typer

from .groups import Panel
from .names import check_matcher, complete_matcher

OWN = "module:Class, whose code is run: an installed module, or a file of this folder"
AGAIN = "Can be repeated."
VERIFY = "Read what has not changed since the last run, too: every image and every file."
_MATCHER = f"The matcher: a name of `descr matchers`, or {OWN}."

how_field = Panel("How")
result_field = Panel("Results")

Json: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document and nothing else.",
        rich_help_panel="Results",
    ),
]


def matcher_field(help: str = _MATCHER) -> Any:
    """The option --matcher."""
    return how_field("NAME", help, callback=check_matcher, autocompletion=complete_matcher)


def listed_name(complete: Callable[[str], list[str]]) -> Any:
    """The name of one entry of a list, of which more is told."""
    return typer.Argument(
        metavar="[NAME]",
        help="One of them: what each of its options is for, what it takes, and its default.",
        autocompletion=complete,
    )


def output_field(help: str) -> Any:
    """The option -o, which can be repeated."""
    return result_field("FILE", f"{help} {AGAIN}", "--output", "-o")
