"""Names that a package imports when they are first asked for."""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazy_names(package: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package: it imports what the package imports `if TYPE_CHECKING`.

    So these imports are the one list of the names, for type checkers and for the program.
    """
    spec: Any = sys.modules[package].__spec__
    tree = ast.parse(spec.loader.get_source(package))
    blocks = (node.body for node in tree.body if isinstance(node, ast.If))
    imports = (node for body in blocks for node in body if isinstance(node, ast.ImportFrom))
    module_of = {alias.name: f".{node.module}" for node in imports for alias in node.names}

    def attribute(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(module_of[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    return attribute
