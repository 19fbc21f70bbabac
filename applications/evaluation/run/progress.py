"""How a run tells how far it is, to whoever wants to show it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

Advance: TypeAlias = Callable[[str], None]
"""Called with the name of each step."""

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Advance]]
"""Called with the name of a stage and its number of steps; what it gives is entered while the stage
lasts, and hands out what is to be called at each step."""


@contextmanager
def silent(stage: str, steps: int) -> Iterator[Advance]:
    """Shows nothing."""
    yield ignore


def ignore(name: str) -> None:
    """Takes no notice of a step."""
