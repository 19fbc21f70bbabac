"""Commands as dataclasses: their fields are their options, and may be groups of options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from typing import Annotated, Any, get_args

import typer


class Panel:
    """What makes the fields of options that --help lists under a title.

    Fields that several commands share are annotated as Typer wants it instead.
    """

    def __init__(self, title: str) -> None:
        self._title = title

    def __call__(
        self, metavar: str | None, help: str, *names: str, default: Any = None, **more: Any
    ) -> Any:
        """An option; its name is that of the field unless `names` are given.

        `default` is `...` for an option that must be given; `more` is what `typer.Option` takes.
        """
        more["rich_help_panel"] = self._title
        return _typer_field(typer.Option(*names, metavar=metavar, help=help, **more), default)

    def flag(self, help: str) -> Any:
        """An option without a value, which is false where it is not given."""
        return self(None, help, default=False)


def argument(metavar: str, help: str, *, default: Any = ..., **more: Any) -> Any:
    """The field of an argument, which must be given unless it has a default."""
    return _typer_field(typer.Argument(metavar=metavar, help=help, **more), default)


def same_option(group: Any, name: str) -> Any:
    """The field of an option that a group of options has as well."""
    option: Field[Any] = group.__dataclass_fields__[name]
    return field(default=option.default, metadata=option.metadata)


def as_function(command: Any) -> Callable[..., None]:
    """The function that Typer takes for a command: its parameters are the fields of a dataclass.

    A field whose type is a dataclass is a group of options: it stands for the fields of that. In
    `Annotated[Group, {"name": default}]` options of the group have other defaults. The function
    makes the command of its options, and runs it.
    """
    # --json, which all have from the same class, comes last.
    options = sorted(fields(command), key=lambda one: one.name == "as_json")
    groups = {one.name: _group(one.type) for one in options}

    def function(**values: Any) -> None:
        for name, (group, _) in groups.items():
            if is_dataclass(group):
                own = {one.name: values.pop(one.name) for one in fields(group)}
                values[name] = group(**own)  # type: ignore[operator]
        command(**values).run()

    function.__doc__ = inspect.getdoc(command)
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            _parameter(option, defaults)
            for one in options
            for group, defaults in [groups[one.name]]
            for option in (fields(group) if is_dataclass(group) else (one,))
        ]
    )
    return function


def _typer_field(kind: Any, default: Any) -> Any:
    return field(default=MISSING if default is ... else default, metadata={"typer": kind})


def _group(annotation: Any) -> tuple[Any, Mapping[str, Any]]:
    """The type of a field, and the defaults that are written beside it."""
    kind, *more = get_args(annotation) or (annotation,)
    return kind, more[0] if is_dataclass(kind) and more else {}


def _parameter(option: Field[Any], defaults: Mapping[str, Any]) -> inspect.Parameter:
    kind = option.metadata.get("typer")
    default = defaults.get(option.name, option.default)
    if option.type is bool and kind is not None:
        # Named, since Typer adds --no-... to a flag without a name.
        kind.param_decls = (f"--{option.name.replace('_', '-')}",)
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=option.type if kind is None else Annotated[option.type, kind],
    )
