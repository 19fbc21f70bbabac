"""Data sets of pairs, read from their original folders and never downloaded."""

from .base import Dataset, Entry
from .errors import DatasetError
from .registry import DATASETS, open_dataset

__all__ = ["DATASETS", "Dataset", "DatasetError", "Entry", "open_dataset"]
