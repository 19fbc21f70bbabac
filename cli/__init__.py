"""The command line: `descr ...`."""

from typing import Any

__all__ = ["run"]


def __getattr__(name: str) -> Any:
    # Imported when it is first used: `python -m` comes here before it comes to `__main__`.
    if name != "run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .main import run

    return run
