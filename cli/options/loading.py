"""Loading the library, which takes most of the time of a short command."""

import gc


def load_library() -> None:
    """Import descriptors and matchers.

    Imports make millions of objects and hardly any garbage; looking for garbage among them
    meanwhile takes an eighth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        from ... import descriptors, matchers  # noqa: F401
    finally:
        # What was loaded stays: it need not be looked at again either.
        gc.freeze()
        if enabled:
            gc.enable()
