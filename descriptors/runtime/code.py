"""The code of classes that are not descr's own: what they are called doesn't say what they do."""

import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from ..settings import Configurable

_VERSIONED = frozenset({__name__.partition(".")[0], *sys.stdlib_module_names})
"""Packages whose versions say what their classes do."""
_TEXTS: WeakKeyDictionary[type[Any], str] = WeakKeyDictionary()


def code_digest(configured: Configurable) -> str:
    """The identity of the code of an object, and of all that it is made of, as a hex digest.

    Of each class outside descr and Python the text of its definition counts, not what it calls
    elsewhere. Empty where there is no such class: versions tell those apart.
    """
    text = "".join(one for part in _parts(configured) for one in definitions(type(part)).values())
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def definitions(kind: type[Any]) -> dict[type[Any], str]:
    """The text of a class and of those that it derives from, but for those of descr and Python."""
    kinds = (one for one in kind.__mro__ if one.__module__.partition(".")[0] not in _VERSIONED)
    return {one: _TEXTS.get(one) or _definition(one) for one in kinds}


def remember(texts: Mapping[type[Any], str]) -> None:
    """Keep the texts of classes that came from another process without their modules."""
    for kind, text in texts.items():
        if getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is not kind:
            _TEXTS[kind] = text


def _parts(configured: Configurable) -> Iterator[Configurable]:
    yield configured
    for value in vars(configured).values():
        for one in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(one, Configurable):
                yield from _parts(one)


@lru_cache
def _definition(kind: type[Any]) -> str:
    """The text of a class; of one that was typed in, as in a notebook, that of its functions."""
    with suppress(OSError, TypeError):
        return inspect.getsource(kind)
    texts = []
    for value in vars(kind).values():
        if inspect.isfunction(value):
            with suppress(OSError):
                texts.append(inspect.getsource(value))
    return "".join(texts)
