"""Reading a NetCDF-4 file of unknown origin in a process of its own, which may crash."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from . import netcdf
from .netcdf import Group

# A generous time to start a process on a busy machine, and a slow disk's speed.
START_SECONDS = 60.0
BYTES_PER_SECOND = 5e6
# The features of real images hardly compress; small files may be mostly header.
LIMIT_FLOOR = 1 << 26
LIMIT_FACTOR = 32
# What a process gets at the limit of its processor time, where the system has such a limit.
_TOO_SLOW = getattr(signal, "SIGXCPU", None)


class IsolatedReadError(Exception):
    """The other process could not read the file; the message says why, in a few words."""


def read_isolated(path: Path, *, schema: int, values: bool) -> list[Group]:
    """Read the groups of a NetCDF-4 file, as `netcdf.read_groups` does, in another process.

    That process may use no more memory than a file of this size can call for, and no more than
    about a minute; it leaves no core file. Whatever becomes of it, this one goes on.

    Raises
    ------
    IsolatedReadError
        If it crashed, was too slow, or found the file damaged or not to be a feature file.
    """
    size = path.stat().st_size
    limit = LIMIT_FLOOR + LIMIT_FACTOR * size
    # By path and with -P, so that neither the working directory nor other modules of descr matter.
    command = [sys.executable, "-P", "-W", "ignore", netcdf.__file__]
    try:
        child = subprocess.run(
            [*command, str(path), str(schema), "values" if values else "outline", str(limit)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_SECONDS + size / BYTES_PER_SECOND,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "HDF5_USE_FILE_LOCKING": "FALSE"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise IsolatedReadError("is damaged: reading it takes too long") from error
    except OSError as error:
        raise IsolatedReadError(f"can't be read in a process of its own: {error}") from error
    said = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
    if child.returncode in (netcdf.EXIT_UNREADABLE, netcdf.EXIT_DAMAGED):
        raise IsolatedReadError(*said)
    if -child.returncode == _TOO_SLOW:
        raise IsolatedReadError("is damaged: reading it takes too long")
    if child.returncode < 0:
        raise IsolatedReadError("is damaged: the NetCDF library crashed on it")
    if child.returncode > 0:
        raise IsolatedReadError(": ".join(["can't be read", *said]))
    try:
        return netcdf.parse_groups(child.stdout)
    except ValueError as error:
        raise IsolatedReadError(f"is damaged: reading it gave nonsense ({error})") from error
