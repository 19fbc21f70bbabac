"""Batches that fit into memory, and what to say where nothing does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from ..errors import DescrError

T = TypeVar("T")

_CPU_BUDGET = 1 << 30
"""Bytes of activations on the CPU: larger batches are hardly faster there."""


def fitting(item: int, device: torch.device) -> int:
    """How many items of this many bytes of activations go through a network at once.

    At least one. On the CPU they have 1 GiB, on a CUDA device half of what is free, elsewhere
    2 GiB.
    """
    budget = {"cpu": _CPU_BUDGET}.get(device.type, 2 * _CPU_BUDGET)
    if device.type == "cuda":
        budget = torch.cuda.mem_get_info(device)[0] // 2
    return max(1, budget // max(1, item))


def in_batches(run: Callable[[slice], T], count: int, at_once: int) -> Iterator[tuple[slice, T]]:
    """What `run` gives for each batch of `count` items, `at_once` of them at most.

    Where memory runs out, it goes on with batches of half the size.
    """
    start = 0
    while start < count:
        batch = slice(start, min(count, start + at_once))
        try:
            result = run(batch)
        except RuntimeError as error:
            if not is_out_of_memory(error) or at_once == 1:
                raise
            at_once = max(1, (batch.stop - batch.start) // 2)
        else:
            start = batch.stop
            yield batch, result


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch says by this error that memory ran out, on whichever device."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ("out of memory", "can't allocate memory")
    )


@contextmanager
def memory_errors(name: str, device: torch.device) -> Iterator[None]:
    """Turn torch's out-of-memory errors into one that says what to lower.

    Raises `DescrError`, which names the descriptor and the device.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise DescrError(
            f"{name} ran out of memory on {device}",
            hint="lower size, use dtype=bfloat16 or float16, or another device",
        ) from error
