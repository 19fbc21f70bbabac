"""Reading a file of unknown origin in a process of its own, with limits."""

import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import BinaryIO

from ..runtime.ram import free_ram
from . import hdf5
from .hdf5 import Group, Schema

# A generous time for a busy machine and a slow disk: what a file can make it take is processor
# time, which the process limits itself.
START_SECONDS = 60.0
BYTES_PER_SECOND = 5e6
# What contents raise that nobody vouches for; a type of NumPy may be no Python.
NONSENSE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    SyntaxError,
)
# What a process gets at the limit of its processor time, where the system has such a limit.
_TOO_SLOW = getattr(signal, "SIGXCPU", None)


class IsolatedReadError(Exception):
    """The other process could not read the file; the message says why, in a few words."""


def read_isolated(file: BinaryIO, *, schemas: Sequence[Schema], values: bool) -> list[Group]:
    """Read the groups of an open file, as `hdf5.read_groups` does, in another process.

    That process may use about twice the memory of the features that the file states, which have to
    fit into what is free, and some seconds of processor time; it can open no other file, and leaves
    no core file, where the system has such limits: all of them on Linux alone. The arrays are
    memory of both.

    Raises `IsolatedReadError` if it was too slow or ran out of memory, or the file is damaged or
    no feature file.
    """
    size = os.fstat(file.fileno()).st_size
    free = free_ram() // 2
    # By path and with -P, so that neither the working directory nor other modules of descr matter.
    command = [sys.executable, "-P", "-W", "ignore", hdf5.__file__]
    with _memory_file() as answer:
        try:
            child = subprocess.run(
                [*command, json.dumps(schemas), "values" if values else "outline", str(free)],
                stdin=file,
                stdout=answer,
                stderr=subprocess.PIPE,
                timeout=START_SECONDS + size / BYTES_PER_SECOND,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise IsolatedReadError("is damaged: reading it takes too long") from error
        except OSError as error:
            raise IsolatedReadError(f"can't be read in a process of its own: {error}") from error
        reason = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
        if child.returncode == hdf5.EXIT_UNREADABLE:
            raise IsolatedReadError(*reason)
        if -child.returncode == _TOO_SLOW:
            raise IsolatedReadError("is damaged: reading it takes too long")
        if child.returncode < 0:
            raise IsolatedReadError("is damaged: the HDF5 library crashed on it")
        if child.returncode > 0:
            raise IsolatedReadError(": ".join(["can't be read", *reason]))
        try:
            return hdf5.read_directory(mmap.mmap(answer.fileno(), 0), schemas=schemas)
        except NONSENSE as error:
            raise IsolatedReadError(f"is damaged: reading it gave nonsense ({error})") from error


def _memory_file() -> BinaryIO:
    """A file without a name, in memory where the system has such files."""
    try:
        if hasattr(os, "memfd_create"):
            return os.fdopen(os.memfd_create("features"), "w+b")
        return tempfile.TemporaryFile()
    except OSError as error:
        raise IsolatedReadError(f"can't be read in a process of its own: {error}") from error
