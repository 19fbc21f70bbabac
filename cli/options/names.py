"""Names that the shell completes, read off the registries."""

AUTO = "auto"


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
    from ...applications.evaluation.datasets.registry import DATASETS

    return _beginning(incomplete, *DATASETS.available())


def complete_recipe(incomplete: str) -> list[str]:
    """Names for `--recipe` that begin like this."""
    from ...applications.evaluation.protocols.recipes import RECIPES

    return _beginning(incomplete, *RECIPES)


def _beginning(incomplete: str, *names: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
