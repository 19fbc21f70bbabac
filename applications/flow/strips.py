"""Large grids taken some rows at a time, which bounds the memory that work on them needs."""

from collections.abc import Iterator

PLACES = 1 << 20
"""How many a strip holds, about."""


def strips(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows, in order, each of about a million places and at least one row."""
    step = max(1, PLACES // columns)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
