"""Names for classes: the built-in ones, those of other distributions, and `module:Class`."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from .errors import OptionError
from .settings import construct, unknown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

T = TypeVar("T")


def plugins(group: str) -> "EntryPoints":
    """The entry points of other distributions in a group."""
    points: EntryPoints = _entry_points(tuple(sys.path)).select(group=group)
    return points


@lru_cache(maxsize=1)
def _entry_points(path: tuple[str, ...]) -> Any:
    """All of those on the path: a file of every distribution is read for them."""
    # It takes a sixth of the time of a command that asks for none.
    import importlib.metadata

    return importlib.metadata.entry_points()


@dataclass(frozen=True)
class Registry(Generic[T]):
    """The classes of one kind by name.

    Args:
        kind: What messages call one of them ("descriptor").
        base: The class that each must derive from, as "module:attribute".
        builtin: Name to "module:attribute", imported when it is first asked for.
        group: The entry-point group through which other distributions add names.
    """

    kind: str
    base: str
    builtin: Mapping[str, str]
    group: str

    def available(self) -> tuple[str, ...]:
        """Every name that `create` takes: the built-in ones first, then the others by name."""
        others = sorted({point.name for point in plugins(self.group)})
        return tuple(dict.fromkeys([*self.builtin, *others]))

    def target(self, name: str) -> str:
        """The "module:attribute" of a name, or the name itself if it is one.

        Nothing is imported. Raises `OptionError` for a name that is not known.
        """
        if name in self.builtin:
            return self.builtin[name]
        for point in plugins(self.group):
            if point.name == name:
                return point.value
        if ":" in name:
            return name
        raise unknown(self.kind, name, self.available())

    def find(self, name: str) -> Callable[..., T]:
        """What makes one of this name, or at `module:Class`: a class or a function.

        The code of that module is run: of an installed one, or else of one in the working folder.

        Raises `OptionError` for a name that is not known, a module that can't be imported,
        whatever the fault in it, and a class of another kind.
        """
        target = self.target(name)
        if name in self.builtin:
            return self._check(name, _attribute(target))
        return self._check(name, load(name, target))

    def create(self, name: str, options: Mapping[str, Any]) -> T:
        """An instance by name, with these options; `OptionError` for a name or option not known."""
        instance = construct(self.find(name), f"{self.kind} {name!r}", options)
        if not isinstance(instance, _attribute(self.base)):
            raise OptionError(f"{self.kind} {name!r} gave a {type(instance).__name__}")
        return instance

    def _check(self, name: str, maker: Any) -> Callable[..., T]:
        base = _attribute(self.base)
        if isinstance(maker, type) and not issubclass(maker, base):
            raise OptionError(
                f"{name!r} is not a {self.kind}: {maker.__name__} does not derive from "
                f"{base.__name__}"
            )
        if inspect.isabstract(maker):
            lacking = " and ".join(sorted(maker.__abstractmethods__))
            raise OptionError(f"{name!r} is an unfinished {self.kind}: it lacks {lacking}")
        if not callable(maker):
            raise OptionError(f"{name!r} is not a {self.kind}: it is a {type(maker).__name__}")
        return cast(Callable[..., T], maker)


def _attribute(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


class _Folder:
    """Finds modules in the working folder, last of all: where no installed one has the name.

    Only the module of this name and what modules of the folder import are looked for: a library
    that tries whether another one is installed must not run a file of the folder.
    """

    def __init__(self, name: str) -> None:
        self._names = {name}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Where a module lies, as `importlib` wants to know it; None if not in the folder."""
        frame, importer = sys._getframe().f_back, "importlib"
        while frame is not None and importer == "importlib":
            importer = str(frame.f_globals.get("__name__")).partition(".")[0]
            frame = frame.f_back
        if path is not None or self._names.isdisjoint([name, importer]):
            return None
        self._names.add(name)
        return PathFinder.find_spec(name, [""])


@contextmanager
def folder_modules(name: str) -> Iterator[None]:
    """Find modules of the working folder, too, in the block, for a name that is `module:Class`."""
    finders: list[Any] = [_Folder(name.partition(":")[0].partition(".")[0])] if ":" in name else []
    sys.meta_path += finders
    try:
        yield
    finally:
        for finder in finders:
            sys.meta_path.remove(finder)


def load(name: str, target: str) -> Any:
    """What stands at "module:attribute", which is called `name`; `OptionError` if it can't be had.

    The code of that module is run. If the name is `module:Class` itself, it may lie in the working
    folder.
    """
    module_name, _, attribute = target.partition(":")
    hint = "write module:Class, with the module installed (which goes first) or in this folder"
    if not module_name or not attribute or module_name.startswith("."):
        raise OptionError(f"{target!r} names no class of a module", hint=hint)
    try:
        with folder_modules(name):
            module = import_module(module_name)
    except ImportError as error:
        raise OptionError(
            f"cannot import {module_name!r} for {name!r}: {error}", hint=hint
        ) from error
    except (Exception, SystemExit) as error:
        # Somebody else's code runs here: whatever it raises is about that code, but for signals.
        if isinstance(error, SystemExit) and type(error) is not SystemExit:
            raise
        raise OptionError(
            f"importing {module_name!r} for {name!r} failed: {type(error).__name__}: {error}"
        ) from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise OptionError(f"module {module_name!r} has no {attribute!r}", hint=hint) from None
