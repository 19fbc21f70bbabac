"""Names of the command line, read off the registries: checked at once, and completed."""

from collections.abc import Callable, Iterable
from typing import Any

from ...applications.verification import VERIFIERS
from ...descriptors import REGISTRY as DESCRIPTORS
from ...descriptors.registry import Registry
from ...matchers import REGISTRY as MATCHERS

AUTO = "auto"


def checker(registry: Registry[Any], *others: str) -> Callable[[str | None], str | None]:
    """What Typer calls with a name: it raises `OptionError`, before any work, if nothing has it."""

    def check(name: str | None) -> str | None:
        if name is not None and name not in others:
            registry.target(name)
        return name

    return check


def completer(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """What the shell calls with the beginning of a name: those that begin like this."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def _datasets() -> Iterable[str]:
    from ...applications.evaluation.datasets import DATASETS

    return DATASETS.available()


def _recipes() -> Iterable[str]:
    from ...applications.evaluation.protocols.papers import PAPERS

    return list(PAPERS["recipes"])


check_descriptor = checker(DESCRIPTORS, AUTO)
check_matcher = checker(MATCHERS)
check_verifier = checker(VERIFIERS)
complete_descriptor = completer(lambda: (AUTO, *DESCRIPTORS.available()))
complete_matcher = completer(MATCHERS.available)
complete_verifier = completer(VERIFIERS.available)
complete_dataset = completer(_datasets)
complete_recipe = completer(_recipes)
