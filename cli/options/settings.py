"""`key=value` from the command line, turned into the options of a descriptor or a matcher."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..console.errors import UserError

_EXAMPLES = {
    "--matcher-set": "tolerance=1",
    "--mask-set": "seed=1",
    "--verify-set": "threshold=5",
    "--dataset-set": "layout=small",
}
_WORDS = {"true": True, "false": False, "none": None, "null": None}


def split_settings(pairs: Sequence[str], flag: str) -> dict[str, str]:
    """The pairs `key=value` of the option `flag` as raw texts.

    Raises `UserError` for one that is not a pair, and for a key given twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            example = _EXAMPLES.get(flag, "step=4")
            raise UserError(f"{flag} {pair!r} is not KEY=VALUE", hint=f"as in {flag} {example}")
        if key in settings:
            raise UserError(f"{flag} gives {key!r} twice")
        settings[key] = value.strip()
    return settings


def parse_settings(
    settings: Mapping[str, str],
    kind: Callable[..., Any],
    parts: Mapping[str, Callable[..., Any]] | None = None,
) -> dict[str, Any]:
    """The raw texts as the values that the constructor `kind` takes.

    `part.key` is the setting `key` of the option `part`, which is a mapping: `sd.timestep=50` for a
    fusion. `parts` are the constructors of such parts by option. Keys that the constructor does not
    take are passed on: it is the registry that refuses them.
    """
    annotations = _annotations(kind)
    inner_annotations = {option: _annotations(part) for option, part in (parts or {}).items()}
    parsed: dict[str, Any] = {}
    for key, text in settings.items():
        option, dot, inner = key.partition(".")
        if dot:
            part = parsed.setdefault(option, {})
            if not isinstance(part, dict):
                raise UserError(f"{option!r} is given as a whole and by parts, as {key!r}")
            part[inner] = parse_value(text, inner_annotations.get(option, {}).get(inner))
        elif option in parsed:
            raise UserError(f"{option!r} is given as a whole and by parts")
        else:
            parsed[option] = parse_value(text, annotations.get(option))
    return parsed


def parse_value(text: str, annotation: Any = None) -> Any:
    """The value that a text stands for.

    A parameter annotated as `str` takes the text as it is, one annotated as `bool` yes and no
    too. Otherwise what parses as JSON is that, with lists as tuples; `True`, `False` and `None`
    are themselves; what holds commas is a tuple of such values; and all else is the text.
    """
    if annotation is str:
        return text
    lowered = text.lower()
    if annotation is bool and lowered in ("yes", "no"):
        return lowered == "yes"
    if lowered in _WORDS:
        return _WORDS[lowered]
    try:
        return _as_tuples(json.loads(text))
    except ValueError:
        pass
    if "," in text:
        inner = text.removeprefix("(").removesuffix(")")
        return tuple(parse_value(part.strip()) for part in inner.split(",") if part.strip())
    return text


def signature_of(kind: Callable[..., Any]) -> inspect.Signature:
    """The signature of a constructor, with its annotations resolved where they can be."""
    try:
        return inspect.signature(kind, eval_str=True)
    except (NameError, SyntaxError, TypeError):
        # Annotations that only a type checker can resolve.
        return inspect.signature(kind)


def takes_option(kind: Callable[..., Any], name: str) -> bool:
    """Whether a constructor has a parameter of this name."""
    return name in signature_of(kind).parameters


def _annotations(kind: Callable[..., Any]) -> dict[str, Any]:
    return {name: one.annotation for name, one in signature_of(kind).parameters.items()}


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
