"""Points and matches as files, and the photographs that files speak of."""

from typing import TYPE_CHECKING

from ...descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .matches import best_spread, match_rows, select_matches, write_matches
    from .pairs import PairRow, read_pairs
    from .photographs import find_images, find_photograph
    from .points import Point, read_points

__getattr__ = lazy_names(__name__)

__all__ = [
    "PairRow",
    "Point",
    "best_spread",
    "find_images",
    "find_photograph",
    "match_rows",
    "read_pairs",
    "read_points",
    "select_matches",
    "write_matches",
]
