"""Search in a corpus: which images hold a place or a part of another one, and where."""

from typing import TYPE_CHECKING

from ...descriptors.lazy import lazy_names

if TYPE_CHECKING:
    from .hits import hit_rows, write_hits
    from .index import Index, IndexInfo
    from .neighbours import neighbour_rows, write_neighbours
    from .update import Change

__getattr__ = lazy_names(__name__)

__all__ = [
    "Change",
    "Index",
    "IndexInfo",
    "hit_rows",
    "neighbour_rows",
    "write_hits",
    "write_neighbours",
]
