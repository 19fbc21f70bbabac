"""The command line: `descr ...`."""

from typing import TYPE_CHECKING

from ..descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .main import run

__all__ = ["run"]

# Imported when it is first used: `python -m` comes here before it comes to `__main__`.
__getattr__ = lazy_names(__name__)
