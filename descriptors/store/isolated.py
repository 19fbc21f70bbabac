"""Reading a file of unknown origin in a process of its own, with limits."""

import codecs
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import BinaryIO

from .groups import Group, Schema, UnreadableError, dump_groups, read_directory

# The modules of this folder by its path, so that neither the working directory nor what else descr
# imports matters.
PROGRAM = """
import sys, types
sys.modules["store"] = folder = types.ModuleType("store")
folder.__path__ = [sys.argv.pop(1)]
from store.isolated import main
sys.exit(main(*sys.argv[1:]))
"""
# A generous time for a busy machine and a slow disk: what a file can make it take is processor
# time, which the process limits itself.
START_SECONDS = 60.0
BYTES_PER_SECOND = 5e6
# To start takes less than one; a mebibyte of zeros inflates to 1 GiB in three.
CPU_SECONDS = 8
BYTES_PER_CPU_SECOND = 2e7
# For what the structure of a file takes, and the libraries' own.
HEADROOM = 1 << 28
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
_UNREADABLE = 3
# What a process gets at the limit of its processor time, where the system has such a limit.
_TOO_SLOW = getattr(signal, "SIGXCPU", None)


class IsolatedReadError(Exception):
    """The other process could not read the file; the message says why, in a few words."""


def read_isolated(
    file: BinaryIO, *, schemas: Sequence[Schema], values: bool | Collection[str], free: int
) -> list[Group]:
    """Read the groups of an open file, as `hdf5.read_groups` does, in another process.

    That process may use about twice the memory of the features that the file states, which are at
    most `free` bytes, and some seconds of processor time; it can open no other file, and leaves no
    core file, where the system has such limits: all of them on Linux alone. The arrays are memory
    of both.

    Raises `IsolatedReadError` if it was too slow or ran out of memory, or the file is damaged or
    no feature file.
    """
    options = json.dumps([schemas, values, free])
    try:
        with _memory_file() as answer:
            child = subprocess.run(
                [sys.executable, "-PWignore", "-c", PROGRAM, os.path.dirname(__file__), options],
                stdin=file,
                stdout=answer,
                stderr=subprocess.PIPE,
                timeout=START_SECONDS + os.fstat(file.fileno()).st_size / BYTES_PER_SECOND,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                check=False,
            )
            reason = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
            if child.returncode == _UNREADABLE:
                raise IsolatedReadError(*reason)
            if -child.returncode == _TOO_SLOW:
                raise IsolatedReadError("is damaged: reading it takes too long")
            if child.returncode < 0:
                raise IsolatedReadError("is damaged: the HDF5 library crashed on it")
            if child.returncode > 0:
                raise IsolatedReadError(": ".join(["can't be read", *reason]))
            return read_directory(mmap.mmap(answer.fileno(), 0), schemas=schemas)
    except subprocess.TimeoutExpired as error:
        raise IsolatedReadError("is damaged: reading it takes too long") from error
    except OSError as error:
        raise IsolatedReadError(f"can't be read in a process of its own: {error}") from error
    except NONSENSE as error:
        raise IsolatedReadError(f"is damaged: reading it gave nonsense ({error})") from error


def _memory_file() -> BinaryIO:
    """A file without a name, in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("features"), "w+b")
    return tempfile.TemporaryFile()


def main(options: str) -> int:
    """What the other process does: read standard input, write its groups to standard output.

    Or why it can't, in one line, to standard error.
    """
    from .hdf5 import read_groups

    schemas, values, free = json.loads(options)

    def reserve(size: int) -> None:
        if size > free:
            raise UnreadableError(
                f"claims to hold features of {size / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB "
                "of memory are free"
            )
        # Nothing can be opened any more.
        limit_memory(size + HEADROOM)

    size = os.fstat(0).st_size
    try:
        data = mmap.mmap(0, size, access=mmap.ACCESS_READ)
        _limit("CORE", 0)
        _limit("CPU", CPU_SECONDS + int(size / BYTES_PER_CPU_SECOND))
        limit_memory = _memory_limiter()
        limit_memory(HEADROOM)
        with os.fdopen(1, "wb", closefd=False) as stream:
            # What is open stays open; nothing else can be opened. h5py wants the codec later.
            codecs.lookup("ascii")
            _limit("NOFILE", 0)
            kinds = [Schema(*one) for one in schemas]
            dump_groups(read_groups(data, schemas=kinds, values=values, reserve=reserve), stream)
    except Exception as error:
        reason = str(error)
        if isinstance(error, MemoryError):
            reason = "takes more memory to read than its features do"
        elif not isinstance(error, UnreadableError):
            reason = f"is damaged: {type(error).__name__} {error}"
        # On one line, whatever names the file gives to things.
        print(" ".join(reason.split()), file=sys.stderr)
        return _UNREADABLE
    return 0


def _memory_limiter() -> Callable[[int], None]:
    """What lets this process take so many bytes beside those that it has now, where Linux runs."""
    with suppress(OSError), open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * mmap.PAGESIZE
        return lambda more: _limit("AS", size + more)
    return lambda more: None


def _limit(kind: str, most: int) -> None:
    """Set a limit of this process ("CPU"), where the system has it and none is lower."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        limit = getattr(resource, f"RLIMIT_{kind}")
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most if hard < 0 else min(most, hard), hard))
