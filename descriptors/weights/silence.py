"""The hub's library without its log on standard error: a pull says all that matters itself."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..runtime.quiet import only_errors, without_warnings


@contextmanager
def silenced() -> Iterator[None]:
    """Keep warnings of the hub's library off standard error, unless `HF_HUB_VERBOSITY` is set."""
    # The module that configures the library's logger; later its import would undo the level.
    import huggingface_hub.file_download  # noqa: F401

    if "HF_HUB_VERBOSITY" in os.environ:
        yield
        return
    with without_warnings(), only_errors(logging.getLogger("huggingface_hub")):
        yield
