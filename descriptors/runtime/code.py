"""The code of classes that are not descr's own: what they are called doesn't say what they do."""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ..settings import Configurable

_VERSIONED = frozenset({__name__.partition(".")[0], *sys.stdlib_module_names})
"""Packages whose versions say what their classes do."""


def code_digest(configured: Configurable) -> str:
    """The identity of the code of an object, and of all that it is made of, as a hex digest.

    Of each class outside descr and Python the text of its definition counts, not what it calls
    elsewhere. Empty where there is no such class: versions tell those apart.
    """
    text = "".join(
        _definition(kind)
        for part in _parts(configured)
        for kind in type(part).__mro__
        if kind.__module__.partition(".")[0] not in _VERSIONED
    )
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


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
