"""Loading the library, which takes most of the time of a short command."""

import gc


def load_library() -> None:
    """Import what every descriptor and matcher needs.

    Imports make millions of objects and hardly any garbage; looking for garbage among them
    meanwhile takes an eighth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        from ...descriptors import Descriptor  # noqa: F401
        from ...matchers import Matcher  # noqa: F401
    finally:
        # What was loaded stays: it need not be looked at again either.
        gc.freeze()
        if enabled:
            gc.enable()
