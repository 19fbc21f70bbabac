"""Model weights: the models there are, where their weights lie, and how they get there."""

from .captioner import convert
from .checkpoint import Checkpoint
from .errors import DownloadError
from .find import cached, find_weights
from .progress import Progress
from .pull import pull
from .remove import holdings, remove
from .table import IMAGE_ENCODER, MODELS, RECIPES, Model, find_model, find_models

__all__ = [
    "IMAGE_ENCODER",
    "MODELS",
    "RECIPES",
    "Checkpoint",
    "DownloadError",
    "Model",
    "Progress",
    "cached",
    "convert",
    "find_model",
    "find_models",
    "find_weights",
    "holdings",
    "pull",
    "remove",
]
