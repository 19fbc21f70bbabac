"""Commands as dataclasses: their fields are their options, and may be groups of options."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Protocol


class Runnable(Protocol):
    """A command with its options."""

    def run(self) -> None:
        """Do what the command is for."""


def as_function(command: type[Runnable]) -> Callable[..., None]:
    """The function that Typer takes for a command: its parameters are the fields of a dataclass.

    A field whose type is a dataclass is a group of options: it stands for the fields of that.
    """
    groups = {one.name: one.type for one in _fields(command) if is_dataclass(one.type)}

    def function(**values: Any) -> None:
        for name, group in groups.items():
            own = {one.name: values.pop(one.name) for one in _fields(group)}
            values[name] = group(**own)  # type: ignore[operator]
        command(**values).run()

    options = [
        option
        for one in _fields(command)
        for option in (_fields(one.type) if one.name in groups else (one,))
    ]
    function.__doc__ = inspect.getdoc(command)
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [_parameter(one) for one in options]
    )
    return function


def _fields(kind: Any) -> tuple[Field[Any], ...]:
    return fields(kind)


def _parameter(option: Field[Any]) -> inspect.Parameter:
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if option.default is MISSING else option.default,
        annotation=option.type,
    )
