"""Data sets by name."""

import os
from typing import TYPE_CHECKING, Any

from ....descriptors.registry import Registry

if TYPE_CHECKING:
    from .base import Dataset

DATASETS: "Registry[Dataset]" = Registry(
    kind="data set",
    base=f"{__package__}.base:Dataset",
    builtin={
        "spair-71k": f"{__package__}.spair:SPair71k",
        "pf-pascal": f"{__package__}.pf_pascal:PFPascal",
        "pf-willow": f"{__package__}.pf_willow:PFWillow",
        "tss": f"{__package__}.tss:TSS",
        "ap-10k": f"{__package__}.ap10k:AP10K",
        "davis-2017": f"{__package__}.davis:DAVIS2017",
    },
    group="descr.datasets",
)


def open_dataset(name: str, root: str | os.PathLike[str], **options: Any) -> "Dataset":
    """The data set of this name, or at `package.module:Class`, in the folder `root`.

    Raises `OptionError` for a name or an option that doesn't exist, with the right ones listed.
    Files are looked at when the data set is first used, or all at once by its `check`.
    """
    return DATASETS.create(name, {"root": root, **options})
