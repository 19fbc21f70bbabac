"""Evaluation on the benchmarks of the papers, with every protocol stated."""

from typing import TYPE_CHECKING

from ...descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .datasets import DATASETS, Dataset, DatasetError, open_dataset
    from .datasets.pair import Pair, Picture
    from .protocols.protocol import PROTOCOLS, Protocol
    from .protocols.recipes import RECIPES, Recipe, find_recipe
    from .report.compare import compare_reports, load_report
    from .report.report import build_report
    from .report.scores import score_flow, score_masks, score_points
    from .report.tables import report_markdown
    from .run.predictions import load_predictions, save_predictions
    from .run.reproduction import reproduce
    from .run.settings import Settings
    from .run.steps import predict

__getattr__ = lazy_names(__name__)

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
