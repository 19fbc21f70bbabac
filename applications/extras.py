"""Libraries that only some applications need."""

from importlib import import_module
from typing import Any

from ..descriptors.errors import OptionError


def require_cluster(module: str, what: str) -> Any:
    """The module of scikit-learn that `what` needs.

    `what` is how a message calls it. Raises `OptionError` where scikit-learn is not installed, with
    the command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "sklearn":
            raise
        raise OptionError(
            f"{what} needs scikit-learn, which is not installed",
            hint="python -m pip install 'descr-sdk[cluster]'",
        ) from error
