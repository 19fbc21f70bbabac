"""What fits into memory, and what to say where nothing does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from rich.filesize import decimal

from ..errors import OutOfMemoryError
from .ram import free_ram

T = TypeVar("T")

_CPU = torch.device("cpu")
_CPU_BUDGET = 1 << 30  # bytes of activations on the CPU: larger batches are hardly faster there


def check_fits(size: int, what: str, hint: str, device: torch.device = _CPU) -> int:
    """How many times this many bytes fit into the free memory of a device.

    Raises `OutOfMemoryError` if not once: `what` needs them, and `hint` says what to lower.
    """
    free = free_memory(device)
    if size > free:
        memory = f"{decimal(size)} of memory, and {decimal(free)} are free on {device}"
        raise OutOfMemoryError(f"{what} needs about {memory}", hint=hint)
    return free // max(1, size)


def free_memory(device: torch.device) -> int:
    """How many bytes this process can still allocate on a device; caches count as free."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + cached)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return free_ram()


def fitting(item: int, device: torch.device) -> int:
    """How many items of this many bytes of activations go through a network at once, at least 1.

    On the CPU they have 1 GiB, on a CUDA device half of what is free, elsewhere 2 GiB.
    """
    budget = _CPU_BUDGET if device.type == "cpu" else 2 * _CPU_BUDGET
    if device.type == "cuda":
        budget = free_memory(device) // 2
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, torch or OpenCV says by this error that memory ran out, on any device."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        words in str(error)
        for words in ("out of memory", "allocate memory", "Insufficient memory", "start new thread")
    )


@contextmanager
def memory_errors(name: str, device: torch.device) -> Iterator[None]:
    """Turn errors of memory that ran out into an `OutOfMemoryError` that says what to lower."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OutOfMemoryError) or not is_out_of_memory(error):
            raise
        hint = "lower size, use dtype=float16 on a GPU, or another device"
        raise OutOfMemoryError(f"{name} ran out of memory on {device}", hint=hint) from error
