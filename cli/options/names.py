"""Names that the shell completes, read off the registries."""

AUTO = "auto"


def check_descriptor(name: str) -> str:
    """The name of `--descriptor`; `OptionError` at once, before any work, for one not known."""
    from ...descriptors import REGISTRY

    if name != AUTO:
        REGISTRY.target(name)
    return name


def check_matcher(name: str | None) -> str | None:
    """The name of `--matcher`, None where there is none; see `check_descriptor`."""
    from ...matchers import REGISTRY

    if name is not None:
        REGISTRY.target(name)
    return name


def complete_descriptor(incomplete: str) -> list[str]:
    """Names for `--descriptor` that begin like this, those of other distributions included."""
    from ...descriptors import available

    return _beginning(incomplete, AUTO, *available())


def complete_matcher(incomplete: str) -> list[str]:
    """Names for `--matcher` that begin like this, those of other distributions included."""
    from ...matchers import available

    return _beginning(incomplete, *available())


def complete_dataset(incomplete: str) -> list[str]:
    """Names of data sets that begin like this, those of other distributions included."""
    from ...applications.evaluation.datasets import DATASETS

    return _beginning(incomplete, *DATASETS.available())


def complete_recipe(incomplete: str) -> list[str]:
    """Names for `--recipe` that begin like this."""
    from ...applications.evaluation.protocols.papers import PAPERS

    return _beginning(incomplete, *PAPERS["recipes"])


def _beginning(incomplete: str, *names: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
