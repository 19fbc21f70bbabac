"""What a class of a registry takes, read off its source: no module is imported, no code is run."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec, resolve_name
from inspect import cleandoc
from textwrap import dedent
from typing import Any

from .errors import OptionError
from .registry import Registry, folder_modules

_ROOT = __name__.partition(".")[0]
_REFERENCE = re.compile(r"[Aa]s in `(\w+)`")
_WHOLE_REFERENCE = re.compile(r"^As in `\w+`[^.]*\.\s*")


@dataclass(frozen=True)
class Option:
    """One option of a constructor.

    Args:
        name: Its name; of a part of a fusion `part.name`, as on the command line.
        default: Its default, None where it has none; as its source where that is no plain value.
        values: What it takes, in words: the names it may be, the range of a number, or its type.
        meaning: What the docstring says of it.
    """

    name: str
    default: Any
    values: str
    meaning: str


@dataclass(frozen=True)
class Signature:
    """The first line of a docstring, the options, and the layers by default.

    A class states its layers in its body, as `layers` or, where its options decide on them, in the
    words of `default_layers`; or it has an option `layers`; or its parts have layers.
    """

    summary: str
    options: tuple[Option, ...]
    layers: tuple[str, ...] = ()


def describe(registry: Registry[Any], name: str) -> Signature:
    """What the class of this name in a registry, or at `module:Class`, takes.

    An option of a fusion that has the name of a descriptor holds the settings of that part: in its
    place stand those of the part, but for those that the fusion takes for all parts.

    Raises `OptionError` for a name that is not known, and where there is no source of such a class.
    """
    module, _, attribute = registry.target(name).partition(":")
    with folder_modules(name):
        try:
            place = _find(module, attribute)
        except (ImportError, ValueError, SyntaxError, AttributeError) as error:
            raise OptionError(f"cannot import {module!r} for {name!r}: {error}") from error
    if place is None:
        raise OptionError(f"module {module!r} has no {attribute!r} that can be read")
    options = tuple(_options(*place))
    common = {option.name for option in options}
    parts = [one for one in options if "Mapping" in one.values and one.name in registry.available()]
    layers = _layers(*place, options)
    for part in parts:
        inner = describe(registry, part.name)
        layers = (*layers, *inner.layers)
        own = tuple(
            replace(one, name=f"{part.name}.{one.name}")
            for one in inner.options
            if one.name not in common
        )
        options = (*(one for one in options if one is not part), *own)
    summary = (ast.get_docstring(place[1]) or "").partition("\n")[0]
    return Signature(summary, options, layers)


Place = tuple[str, ast.ClassDef | ast.FunctionDef]


@lru_cache(maxsize=256)
def _parse(module: str) -> tuple[ast.Module, str]:
    """The source of a module as a tree, and the package that its relative imports start from."""
    spec = find_spec(module)
    source = None if spec is None else getattr(spec.loader, "get_source", lambda name: None)(module)
    if spec is None or source is None:
        raise ImportError(f"No module named {module!r}")
    return ast.parse(source), spec.parent or ""


def _resolve(module: str, name: str) -> tuple[str, ast.AST] | None:
    """What a name stands for at the top of a module, and where that stands.

    Imports are followed within its distribution and into descr: others may take long, and to find
    a module of a package the package is imported.
    """
    tree, package = _parse(module)
    for node in _statements(tree.body):
        match node:
            case ast.ClassDef() | ast.FunctionDef() if node.name == name:
                return module, node
            case ast.Assign(targets=[ast.Name(id=target)]) if target == name:
                return module, node.value
            case ast.AnnAssign(target=ast.Name(id=target)) if target == name and node.value:
                return module, node.value
            case ast.ImportFrom():
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        start = "." * node.level + (node.module or "")
                        source = resolve_name(start, package) if node.level else start
                        near = source.partition(".")[0] in (module.partition(".")[0], _ROOT)
                        return _resolve(source, alias.name) if near else None
    return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield from _statements(node.body) if isinstance(node, ast.If) else [node]


def _find(module: str, name: str) -> Place | None:
    place, node = _resolve(module, name) or ("", None)
    return (place, node) if isinstance(node, ast.ClassDef | ast.FunctionDef) else None


def _parents(module: str, kind: ast.AST) -> Iterator[Place]:
    """A class and those that it derives from, the nearest first; a function alone."""
    if isinstance(kind, ast.ClassDef | ast.FunctionDef):
        yield module, kind
    for base in getattr(kind, "bases", ()):
        parent = _find(module, base.id) if isinstance(base, ast.Name) else None
        if parent is not None:
            yield from _parents(*parent)


def _constructors(module: str, kind: ast.AST) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The constructors of a class and of those that it derives from, or a function itself."""
    for place, one in _parents(module, kind):
        for node in [one] if isinstance(one, ast.FunctionDef) else one.body:
            if isinstance(node, ast.FunctionDef) and node.name in ("__init__", one.name):
                yield place, node


def _options(module: str, kind: ast.AST) -> Iterator[Option]:
    constructors = list(_constructors(module, kind))
    if not constructors:
        return
    place, function = constructors[0]
    arguments = function.args
    named = [one for one in (*arguments.posonlyargs, *arguments.args) if one.arg != "self"]
    missing = [None] * (len(named) - len(arguments.defaults))
    pairs = [*zip(named, [*missing, *arguments.defaults], strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    checks = dict(check for one in constructors[::-1] for check in _checks(*one))
    for parameter, default in pairs:
        name = parameter.arg
        words = _type_words(place, parameter.annotation)
        if name in checks:
            words = checks[name] + (" or None" if words.endswith(" or None") else "")
        yield Option(name, _value(default), words, _meaning(module, kind, name))


def _value(node: ast.AST | None) -> Any:
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def _type_words(module: str, node: ast.expr | None) -> str:
    """What an annotation allows, in words: the names of a Literal, wherever it is defined."""
    if isinstance(node, ast.BinOp):
        return f"{_type_words(module, node.left)} or {_type_words(module, node.right)}"
    if isinstance(node, ast.Name | ast.Subscript):
        choices = _choices(module, node)
        if choices:
            return ", ".join(map(str, choices))
    return "" if node is None else ast.unparse(node).strip("'\"")


def _choices(module: str, node: ast.AST) -> tuple[Any, ...]:
    """The values of a Literal, of a tuple of them, or of a name for one of these."""
    match node:
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            one = _value(values)
            return one if isinstance(one, tuple) else (one,)
        case ast.Call(func=ast.Name(id="get_args"), args=[inner]):
            return _choices(module, inner)
        case ast.Name(id=name):
            place = _resolve(module, name)
            return () if place is None else _choices(*place)
        case ast.Tuple() | ast.List():
            return tuple(map(_value, node.elts))
    return ()


def _checks(module: str, function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """For each option that a body checks by a function of `settings`, what it may be."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Name(id=check), args=[ast.Constant(value=str(name)), _, *more]):
                bounds = {one.arg: _value(one.value) for one in node.keywords}
                low, high = bounds.get("minimum"), bounds.get("maximum")
                words = {"check_int": "an integer", "check_float": "a number"}.get(check, "")
                if check == "check_choice" and more:
                    words = ", ".join(map(str, _choices(module, more[0])))
                if isinstance(low, int | float):
                    words += f" above {low}" if bounds.get("open_minimum") else f" from {low}"
                if isinstance(high, int | float):
                    words += f" to {high}"
                if words:
                    yield name, words


def _meaning(module: str, kind: ast.AST, name: str) -> str:
    """What the docstring of a class says of a parameter, and what those say that it refers to."""
    for place, one in _parents(module, kind):
        text = _documented(one).get(name)
        if text is None:
            continue
        if (reference := _REFERENCE.search(text)) is None:
            return text
        # A parent need not be imported where its child refers to it.
        parents = (parent for parent in _parents(module, kind) if parent[1].name == reference[1])
        other = next(parents, None) or _find(place, reference[1])
        if other is None:
            return text
        return " ".join(filter(None, (_meaning(*other, name), _WHOLE_REFERENCE.sub("", text))))
    return ""


def _documented(node: ast.ClassDef | ast.FunctionDef) -> dict[str, str]:
    """The texts on parameters in a docstring of Google's or numpy's form, by name."""
    docstring = cleandoc(ast.get_docstring(node, clean=False) or "")
    google = re.search(r"^Args:\n((?:    .*\n?|\n)*)", docstring, re.MULTILINE)
    numpy = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", docstring, re.MULTILINE | re.DOTALL
    )
    section = dedent(google[1]) if google else numpy[1] if numpy else ""
    texts: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", section):
        # numpy's form has the type of a parameter in the line of its name.
        head, _, text = entry.partition(":" if google else "\n")
        for name in re.findall(r"\w+", head.partition(":")[0]):
            texts[name] = " ".join(text.split())
    return texts


def _layers(module: str, kind: ast.AST, options: Sequence[Option]) -> tuple[str, ...]:
    """The layers of a class by default, without those of its parts; see `Signature`."""
    classes = [one for _, one in _parents(module, kind)]
    for one in classes:
        if (words := _assigned(one, "default_layers")) is not None:
            return tuple(_value(words))
        # What a parent says goes with the defaults of the parent's constructor.
        if any(isinstance(node, ast.FunctionDef) and node.name == "__init__" for node in one.body):
            break
    lists = (_assigned(one, "layers") for one in classes)
    calls = getattr(next((one for one in lists if one is not None), None), "elts", ())
    names = [str(_value(one.args[0])) for one in calls if isinstance(one, ast.Call) and one.args]
    default = next((one.default for one in options if one.name == "layers"), None) or ()
    return tuple(names or ([default] if isinstance(default, str) else default))


def _assigned(kind: ast.ClassDef | ast.FunctionDef, name: str) -> ast.AST | None:
    """The value of an attribute in the body of a class."""
    for node in kind.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)]) if target == name:
                return node.value
            case ast.AnnAssign(target=ast.Name(id=target)) if target == name and node.value:
                return node.value
    return None
