"""Names that the shell completes, read off the registries."""

AUTO = "auto"

# The one copy of names: the recipes themselves need the metrics, and so NumPy and more, which a
# press of the tab key can't wait for. The tests hold the two together.
RECIPES = ("tale", "tale-text", "tale-sd", "tale-dinov2", "dift", "dift-davis", "geoaware")


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
    return _beginning(incomplete, *RECIPES)


def _beginning(incomplete: str, *names: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
