"""Data sets of pairs, read from their original folders and never downloaded."""

from .annotations import DatasetError
from .base import Dataset, Entry
from .registry import DATASETS, open_dataset

__all__ = ["DATASETS", "Dataset", "DatasetError", "Entry", "open_dataset"]
