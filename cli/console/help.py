"""The commands as a user meets them: help in plain titled groups."""

from typing import Any

import typer.core

from .errors import USAGE_ERROR


class Command(typer.core.TyperCommand):
    """A command whose options are listed under the titles that they name (`rich_help_panel`).

    Typer draws its panels with rich, whose import alone takes as long as all the rest.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the command line apart; an error knows which command it is about."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except USAGE_ERROR as error:
            # An option without its value is noticed where the command isn't known.
            error.ctx = getattr(error, "ctx", None) or ctx
            if param := getattr(error, "param", None):
                error.value = self.make_parser(ctx).parse_args(words)[0].get(param.name)
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What follows the name of the command in the usage line: arguments as they are called."""
        arguments = [
            param.metavar or param.name.upper()
            for param in self.get_params(ctx)
            if param.param_type_name == "argument"
        ]
        return [self.options_metavar or "", *arguments]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then each group of options under its title."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                name = param.metavar or param.name
                groups.setdefault("Arguments", []).append((name, getattr(param, "help", "") or ""))
            else:
                title = getattr(param, "rich_help_panel", None) or "Options"
                groups.setdefault(title, []).append(record)
        # --help belongs at the end, whatever the other groups are called.
        groups["Options"] = groups.pop("Options", [])
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records, col_max=26)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the epilog, which holds the examples, line by line as it stands."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Group(typer.core.TyperGroup):
    """The commands in the order in which they are added."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, the main one first."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words name: one called `match --pairs` where they hold both."""
        name, command, rest = super().resolve_command(ctx, args)
        forms = (f"{name} {word.partition('=')[0]}" for word in rest)
        form = next((self.commands[one] for one in forms if one in self.commands), command)
        return name, form, rest
