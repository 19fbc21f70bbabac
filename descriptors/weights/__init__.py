"""Model weights: the models there are, where their weights lie, and how they get there."""

from .captioner import convert
from .checkpoint import Checkpoint
from .download import Progress
from .errors import DownloadError
from .find import cached, find_weights, missing_models
from .model import Model
from .pull import pull
from .remove import holdings, remove
from .table import IMAGE_ENCODER, MODELS, find_model, find_models

__all__ = [
    "IMAGE_ENCODER",
    "MODELS",
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
    "missing_models",
    "pull",
    "remove",
]
