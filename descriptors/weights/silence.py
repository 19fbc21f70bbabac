"""The hub's library without its log on standard error: a pull says all that matters itself."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced() -> Iterator[None]:
    """Keep warnings of the hub's library off standard error, unless `HF_HUB_VERBOSITY` is set."""
    # The module that configures the library's logger; later its import would undo the level.
    import huggingface_hub.file_download  # noqa: F401

    if "HF_HUB_VERBOSITY" in os.environ:
        yield
        return
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
