"""The command line: `descr ...`."""

from .main import run

__all__ = ["run"]
