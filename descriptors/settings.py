"""Settings: keyword-only constructor arguments, checked where they are given and frozen after.

A class that derives from `Configurable` states its settings once, in the signature of its
constructor, and keeps each under its own name. From that come `repr`, the record that travels with
features, and the check of option names on the command line.
"""

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from typing import Any, TypeVar

from .errors import OptionError

T = TypeVar("T")

_ARGUMENTS = "_arguments"  # the attribute with those of the constructor, for copies


class Configurable:
    """An object whose settings are the keyword arguments of its constructor."""

    @classmethod
    @cache
    def option_names(cls) -> tuple[str, ...]:
        """Names of the keyword arguments of the constructor, in the order of its signature."""
        return _option_names(cls)

    @property
    def settings(self) -> dict[str, Any]:
        """Each setting by name, as it was given or by default."""
        return {name: getattr(self, name) for name in self.option_names() if hasattr(self, name)}

    def check_settings_kept(self) -> None:
        """Raise `OptionError` for a setting that the object does not keep under its own name.

        It would be missing from the record of what features depend on.
        """
        for name in self.option_names():
            if not hasattr(self, name):
                raise OptionError(
                    f"{type(self).__name__} does not keep its setting {name!r}",
                    hint=f"write self.{name} = {name} in its constructor",
                )

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__ and name in self.option_names():
            raise AttributeError(
                f"{type(self).__name__}.{name} is a setting and frozen: "
                f"make a new {type(self).__name__}({name}={value!r})"
            )
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({arguments})"

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "__init__" in cls.__dict__:
            cls.__init__ = _recorded(cls.__init__)  # type: ignore[method-assign]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """As the arguments of its constructor: a copy has nothing that was loaded since."""
        from .runtime.code import definitions

        if _ARGUMENTS not in vars(self):
            return super().__reduce_ex__(protocol)
        return _anew, (type(self), definitions(type(self)), *vars(self)[_ARGUMENTS])


def _recorded(constructor: Callable[..., None]) -> Callable[..., None]:
    """A constructor that keeps the arguments which the first of a class and its parents gets."""

    @wraps(constructor)
    def record(self: Any, *several: Any, **options: Any) -> None:
        vars(self).setdefault(_ARGUMENTS, (several, options))
        constructor(self, *several, **options)

    return record


def _anew(
    kind: type[T], texts: Mapping[type, str], several: Iterable[Any], options: Mapping[str, Any]
) -> T:
    """An object from its arguments, made where its classes may have come without their modules."""
    from .runtime.code import remember

    remember(texts)
    return kind(*several, **options)


def construct(kind: Callable[..., T], label: str, options: Mapping[str, Any]) -> T:
    """An instance of `kind` with these options.

    Raises `OptionError` for a name that the constructor does not take; `label` is how the
    message calls the class.
    """
    names, parameters = _option_names(kind), inspect.signature(kind).parameters.values()
    if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
        for name in options:
            if name not in names:
                raise unknown(f"option of {label}", name, names)
    return kind(**options)


def _option_names(kind: Callable[..., Any]) -> tuple[str, ...]:
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(kind).parameters
    return tuple(name for name, one in parameters.items() if one.kind in named)


def unknown(what: str, name: str, choices: Iterable[str]) -> OptionError:
    """The error for a name that is none of the choices, with the nearest and the whole list."""
    names = list(choices)
    spelt = {one.lower(): one for one in names}
    near = difflib.get_close_matches(name.lower(), spelt, n=1)
    suggestion = f"did you mean {spelt[near[0]]!r}? " if near else ""
    listing = f"known: {', '.join(names)}" if names else "it takes none"
    return OptionError(f"unknown {what}: {name!r}", hint=suggestion + listing)


def check_int(name: str, value: Any, *, minimum: int, maximum: int | None = None) -> int:
    """`value` as an int within the bounds, both included; `OptionError` if it is not one."""
    number = value.__index__() if hasattr(value, "__index__") else minimum - 1
    most = number if maximum is None else maximum
    if isinstance(value, bool) or not minimum <= number <= most:
        bounds = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise _invalid(name, value, f"an integer {bounds}")
    return int(value)


def check_float(
    name: str,
    value: Any,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    open_minimum: bool = False,
) -> float:
    """`value` as a finite float within the bounds; `OptionError` if it is not one.

    With `open_minimum` the lower bound itself is refused.
    """
    expected = "a finite number"
    if minimum > -math.inf:
        expected += f" above {minimum:g}" if open_minimum else f" of at least {minimum:g}"
    if maximum < math.inf:
        expected += f", at most {maximum:g}" if minimum > -math.inf else f" of at most {maximum:g}"
    is_number = hasattr(value, "__float__") and not isinstance(value, (bool, str, bytes))
    number = float(value) if is_number else math.nan
    above = number > minimum if open_minimum else number >= minimum
    if not (math.isfinite(number) and above and number <= maximum):
        raise _invalid(name, value, expected)
    return number


def check_choice(name: str, value: Any, choices: Iterable[T]) -> T:
    """`value` if it is one of the choices; `OptionError` with the list if it is not."""
    allowed = list(choices)
    for choice in allowed:
        if type(choice) is type(value) and choice == value:
            return choice
    raise _invalid(name, value, "one of " + ", ".join(str(choice) for choice in allowed))


def _invalid(name: str, value: Any, expected: str) -> OptionError:
    return OptionError(f"{name} must be {expected}, not {value!r}")
