"""Names that the shell completes, given without loading the library."""

AUTO = "auto"

# The registries hold these too, but loading them loads torch, and a press of the tab key can't
# wait for that. The tests hold the two lists together.
DESCRIPTORS = ("fused", "dinov2", "dinov3", "sd", "dift", "xfeat", "sift")
MATCHERS = ("nearest", "mutual", "soft-argmax")
DATASETS = ("spair-71k", "pf-pascal", "pf-willow", "tss", "ap-10k", "davis-2017")
RECIPES = ("tale", "tale-text", "tale-sd", "tale-dinov2", "dift", "dift-davis", "geoaware")


def complete_descriptor(incomplete: str) -> list[str]:
    """Names for `--descriptor` that begin like this, those of other distributions included."""
    return _complete(incomplete, (AUTO, *DESCRIPTORS), "descr.descriptors")


def complete_matcher(incomplete: str) -> list[str]:
    """Names for `--matcher` that begin like this, those of other distributions included."""
    return _complete(incomplete, MATCHERS, "descr.matchers")


def complete_dataset(incomplete: str) -> list[str]:
    """Names of data sets that begin like this, those of other distributions included."""
    return _complete(incomplete, DATASETS, "descr.datasets")


def complete_recipe(incomplete: str) -> list[str]:
    """Names for `--recipe` that begin like this."""
    return [name for name in RECIPES if name.startswith(incomplete)]


def _complete(incomplete: str, builtin: tuple[str, ...], group: str) -> list[str]:
    from importlib.metadata import entry_points

    others = sorted({point.name for point in entry_points(group=group)} - set(builtin))
    return [name for name in (*builtin, *others) if name.startswith(incomplete)]
