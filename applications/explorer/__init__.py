"""A page that shows, in any browser, where each place of an image is in others."""

from typing import TYPE_CHECKING

from ...descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .features import PackedFeatures, loss_rows, measure_loss, pack_features
    from .page import COMPONENTS, MOST_IMAGES, Page, check_matcher, explore, page_memory, page_size

# Imported when they are first asked for: some bring OpenCV and SciPy.
__getattr__ = lazy_names(__name__)

__all__ = [
    "COMPONENTS",
    "MOST_IMAGES",
    "PackedFeatures",
    "Page",
    "check_matcher",
    "explore",
    "loss_rows",
    "measure_loss",
    "pack_features",
    "page_memory",
    "page_size",
]
