"""The command line: `descr ...`."""

from ..applications.lazy import lazy_names

__all__ = ["run"]

# Imported when it is first used: `python -m` comes here before it comes to `__main__`.
__getattr__ = lazy_names(__name__, {".main": "run"})
