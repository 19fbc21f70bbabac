"""The libraries underneath, without their warnings and progress bars."""

import ctypes
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from typing import Any, cast

_LIBRARIES = ("transformers", "diffusers", "huggingface_hub")

_LOCK = threading.Lock()
_QUIET: list[int] = []  # the threads in `without_warnings`, each as often as it entered


class _OfQuietThread(type):
    def __subclasscheck__(cls, category: type) -> bool:
        return threading.get_ident() in _QUIET


class _Unwanted(Warning, metaclass=_OfQuietThread):
    """The class of every warning, as filters see it, in a thread that wants none."""


@contextmanager
def without_warnings() -> Iterator[None]:
    """Drop the warnings of this thread, and those of no other.

    `warnings.catch_warnings` exchanges the filters of the whole process, in which threads overlap.
    """
    entry, thread = ("ignore", None, _Unwanted, None, 0), threading.get_ident()
    with _LOCK:
        _QUIET.append(thread)
        if entry not in warnings.filters:
            cast(list[Any], warnings.filters).insert(0, entry)
    try:
        yield
    finally:
        with _LOCK:
            _QUIET.remove(thread)
            if not _QUIET and entry in warnings.filters:
                cast(list[Any], warnings.filters).remove(entry)


_HANDLERS: list[Any] = []
_LIBTIFF_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)


@cache
def tame_libtiff() -> None:
    """Keep what Pillow's libtiff prints in threads in `without_warnings` off standard error.

    What it prints in other threads passes. Does nothing where libtiff is no library of its own.
    """
    from PIL import _imaging

    def pass_on(earlier: Any, *message: Any) -> None:
        if threading.get_ident() not in _QUIET:
            earlier(*message)

    with suppress(OSError, AttributeError):
        # Symbols are looked up in the libraries that this one needs, too.
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            install = getattr(library, name)
            install.argtypes, install.restype = [ctypes.c_void_p], ctypes.c_void_p
            if earlier := install(None):
                _HANDLERS.append(_LIBTIFF_HANDLER(partial(pass_on, _LIBTIFF_HANDLER(earlier))))
                install(_HANDLERS[-1])


@contextmanager
def quiet() -> Iterator[None]:
    """Import and call transformers, diffusers and huggingface_hub here without a word from them.

    Errors still pass. What the caller set for a library that was imported before is restored.
    """
    with ExitStack() as stack:
        stack.enter_context(without_warnings())
        for library in _LIBRARIES:
            if library in sys.modules:
                stack.enter_context(only_errors(logging.getLogger(library)))
            else:
                stack.enter_context(_imported_silent(library))
        stack.enter_context(_without_bars())
        yield


@contextmanager
def hub_silenced() -> Iterator[None]:
    """Keep warnings of the hub's library off standard error, unless `HF_HUB_VERBOSITY` is set."""
    # The module that configures the library's logger; later its import would undo the level.
    import huggingface_hub.file_download  # noqa: F401

    if "HF_HUB_VERBOSITY" in os.environ:
        yield
        return
    with without_warnings(), only_errors(logging.getLogger("huggingface_hub")):
        yield


@contextmanager
def only_errors(logger: logging.Logger, least: int = logging.ERROR) -> Iterator[None]:
    """Keep what a library logs below an error, or another level, to itself."""
    level = logger.level
    logger.setLevel(max(logger.getEffectiveLevel(), least))
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _imported_silent(library: str) -> Iterator[None]:
    """A library reads its level from the environment, once, when it is imported."""
    name = "HF_HUB" if library == "huggingface_hub" else library.upper()
    variable = f"{name}_VERBOSITY"
    is_set = variable in os.environ
    os.environ.setdefault(variable, "error")
    try:
        yield
    finally:
        if not is_set:
            del os.environ[variable]


@contextmanager
def _without_bars() -> Iterator[None]:
    """A bar is shown by transformers at each loading; its switch turns that of the hub too."""
    import huggingface_hub.utils
    from transformers.utils import logging as switch

    hub: Any = huggingface_hub.utils
    has_bars, hub_has_bars = switch.is_progress_bar_enabled(), not hub.are_progress_bars_disabled()
    switch.disable_progress_bar()
    try:
        yield
    finally:
        if has_bars:
            switch.enable_progress_bar()
            if not hub_has_bars:
                hub.disable_progress_bars()
