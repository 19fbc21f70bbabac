"""Data sets of pairs, read from their original folders and never downloaded."""

import os
from typing import TYPE_CHECKING, Any

from ....descriptors.lazy import lazy_names
from ....descriptors.registry import Registry

if TYPE_CHECKING:
    from .annotations import DatasetError
    from .base import Dataset, Entry

__getattr__ = lazy_names(__name__)

__all__ = ["DATASETS", "Dataset", "DatasetError", "Entry", "open_dataset"]

DATASETS: "Registry[Dataset]" = Registry(
    kind="data set",
    base=f"{__name__}.base:Dataset",
    builtin={
        "spair-71k": f"{__name__}.spair:SPair71k",
        "pf-pascal": f"{__name__}.pf_pascal:PFPascal",
        "pf-willow": f"{__name__}.proposal_flow:PFWillow",
        "tss": f"{__name__}.tss:TSS",
        "ap-10k": f"{__name__}.ap10k:AP10K",
        "davis-2017": f"{__name__}.davis:DAVIS2017",
    },
    group="descr.datasets",
)


def open_dataset(name: str, root: str | os.PathLike[str], **options: Any) -> "Dataset":
    """The data set of this name, or at `package.module:Class`, in the folder `root`.

    Raises `OptionError` for a name or an option that doesn't exist, with the right ones listed.
    Files are looked at when the data set is first used, or all at once by its `check`.
    """
    return DATASETS.create(name, {"root": root, **options})
