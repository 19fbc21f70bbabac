"""Evaluation on the benchmarks of the papers, with every protocol stated."""

from .compare import compare_reports, load_report
from .datasets import DATASETS, Dataset, DatasetError, open_dataset
from .pair import Pair, Picture
from .predictions import load_predictions, save_predictions
from .protocol import PROTOCOLS, Protocol
from .recipes import RECIPES, Recipe, find_recipe
from .report import build_report
from .reproduction import reproduce
from .run import predict
from .scores import score_flow, score_masks, score_points
from .settings import Settings
from .tables import report_markdown

__all__ = [
    "DATASETS",
    "PROTOCOLS",
    "RECIPES",
    "Dataset",
    "DatasetError",
    "Pair",
    "Picture",
    "Protocol",
    "Recipe",
    "Settings",
    "build_report",
    "compare_reports",
    "find_recipe",
    "load_predictions",
    "load_report",
    "open_dataset",
    "predict",
    "report_markdown",
    "reproduce",
    "save_predictions",
    "score_flow",
    "score_masks",
    "score_points",
]
