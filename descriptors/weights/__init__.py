"""Model weights: the models there are, where their weights lie, and how they get there."""

from .checkpoint import Checkpoint
from .find import cached, find_weights
from .table import MODELS, RECIPES, Model, find_model, find_models

__all__ = [
    "MODELS",
    "RECIPES",
    "Checkpoint",
    "Model",
    "cached",
    "find_model",
    "find_models",
    "find_weights",
]
