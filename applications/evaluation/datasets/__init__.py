"""Data sets of pairs, read from their original folders and never downloaded."""

from typing import TYPE_CHECKING

from ....descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .annotations import DatasetError
    from .base import Dataset, Entry
    from .registry import DATASETS, open_dataset

__getattr__ = lazy_names(__name__)

__all__ = ["DATASETS", "Dataset", "DatasetError", "Entry", "open_dataset"]
