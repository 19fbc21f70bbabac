"""Which images of an index share an instance: all are looked for in each other."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..evaluation.run.journal import Journal
from ..exchange.matches import table_rows, write_table
from .hits import Hit, to_dataset
from .lookup import Lookup
from .part import Part

MIN_SCORE = 0.1
"""Between what related and unrelated images have (docs/many-images.md)."""
CANDIDATES = 100
COLUMNS = {
    "pair": ("source", "target", "score", "agreement", "scale", "angle", "reflected"),
    "image": ("image", "cluster", "images"),
}
"""Of the tables of pairs, and of images with their clusters."""
_CELLS = 256  # of an image that are looked for, spread over it
_ASTRAY = 0.1  # how far the way there and back may lead the middle, in diagonals of the image
_TOGETHER = 8  # images whose cells are multiplied with the tiles at once
_DIGITS = 5  # of scores by which candidates are ordered: what rounding leaves of equal ones


class _Pair(NamedTuple):
    """An image, and where it lies in another one: in that direction in which it agrees better."""

    source: str
    hit: Hit

    @property
    def keys(self) -> tuple[str, str]:
        return self.source, self.hit.key


@dataclass(frozen=True, eq=False)
class _Search:
    """The images that are looked for, in the order of their keys, and where they are."""

    lookup: Lookup
    keys: Sequence[str]
    places: Sequence[int]
    min_score: float

    def nearest(self, numbers: Sequence[int], count: int) -> list[list[int]]:
        """The candidates of images, likeliest first, and the first by key of equal ones."""
        cells = [self.part(number).cells for number in numbers]
        scores = self.lookup.scores(cells, "tiles")[:, list(self.places)].numpy().round(_DIGITS)
        scores[range(len(numbers)), numbers] = -np.inf
        count = min(count, len(self.keys) - 1)
        return [row[:count].tolist() for row in np.argsort(-scores, axis=1, kind="stable")]

    def part(self, number: int) -> Part:
        return self.lookup.part(self.places[number], _CELLS)

    def pair(self, one: int, other: int) -> _Pair | None:
        """Two images that share an instance; None if they don't."""
        parts = [self.part(number) for number in (one, other)]
        there = self.lookup.hit(parts[0], self.places[other])
        back = self.lookup.hit(parts[1], self.places[one])
        if max(there.score, back.score) < self.min_score:
            return None
        (key, hit, part), (_, way_back, _) = sorted(
            [(self.keys[one], there, parts[0]), (self.keys[other], back, parts[1])],
            key=lambda way: (-way[1].score, way[0]),
        )
        middle, diagonal = part.corners.mean(axis=0), np.ptp(part.corners, axis=0)
        end = way_back.matrix @ [*hit.corners.mean(axis=0), 1]
        if np.hypot(*(end - middle)) > _ASTRAY * np.hypot(*diagonal):
            return None
        return _Pair(key, hit)


def find_neighbours(
    lookup: Lookup,
    *,
    min_score: float,
    top: int | None,
    candidates: int,
    journal: Path | None,
    progress: Callable[[str], None],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """The pairs of images that share an instance, and their clusters; see `Index.neighbours`."""
    images = sorted(lookup.images().items())
    search = _Search(lookup, [key for key, _ in images], [at for _, (at, _) in images], min_score)
    cells = hashlib.sha256(repr([(key, check) for key, (_, check) in images]).encode())
    work = {
        "images": cells.hexdigest(),
        "basis": attrs["basis"],
        "min_score": min_score,
        "candidates": candidates,
    }
    pairs: list[_Pair] = []
    with nullcontext() if journal is None else closing(Journal(journal, work)) as record:
        nearest: list[list[int]] = []
        for line in () if record is None else record.records():
            near, some = _unpack(line)
            nearest.append(near)
            pairs += some
            progress(search.keys[len(nearest) - 1])
        for number in range(len(nearest), len(search.keys)):
            progress(search.keys[number])
            if number == len(nearest):
                ahead = range(number, min(number + _TOGETHER, len(search.keys)))
                nearest += search.nearest(ahead, candidates)
            others = (
                other
                for other in nearest[number]
                # Else the two were compared when the other one's turn was.
                if other > number or number not in nearest[other]
            )
            some = [pair for other in others if (pair := search.pair(number, other))]
            pairs += some
            if record is not None:
                record.add(_pack(nearest[number], some))
    pairs = _best(pairs, top)
    return _with_clusters(pairs, search.keys, attrs)


def neighbour_rows(neighbours: xr.Dataset, kind: str) -> list[dict[str, Any]]:
    """What `Index.neighbours` gives along `pair` or `image` as rows, numbers rounded."""
    return table_rows({name: neighbours[name].values.tolist() for name in COLUMNS[kind]})


def write_neighbours(
    neighbours: xr.Dataset, path: str | os.PathLike[str], *, kind: str = "pair"
) -> None:
    """Write what `Index.neighbours` gives to a file, whole or not at all.

    Args:
        neighbours: The pairs and the clusters.
        path: `.csv` has a line per `pair` or per `image`, as `kind` says; `.json` is an object with
            both, and `.nc` the Dataset itself.
        kind: What a CSV file is of.

    Raises:
        OptionError: The suffix is another.
        OutputError: The file can't be written.
    """
    rows = {kind: neighbour_rows(neighbours, kind) for kind in COLUMNS}
    document = {**neighbours.attrs, "pairs": rows["pair"], "images": rows["image"]}
    write_table(Path(path), neighbours, rows[kind], COLUMNS[kind], document)


def _pack(nearest: Sequence[int], pairs: Sequence[_Pair]) -> bytes:
    """The candidates of an image, and the pairs among them, as a record of a journal."""
    plain = [[source, *hit[:4], hit.matrix.tolist(), hit.corners.tolist()] for source, hit in pairs]
    return json.dumps([nearest, plain]).encode()


def _unpack(record: bytes) -> tuple[list[int], list[_Pair]]:
    nearest, plain = json.loads(record)
    return nearest, [
        _Pair(source, Hit(key, tuple(size), score, agreement, np.array(matrix), np.array(corners)))
        for source, key, size, score, agreement, matrix, corners in plain
    ]


def _best(pairs: Iterable[_Pair], top: int | None) -> list[_Pair]:
    """The pairs, best first: those that are among so many best ones of one of their images."""
    pairs = sorted(pairs, key=lambda pair: (-pair.hit.score, pair.keys))
    if top is None:
        return pairs
    counts: dict[str, int] = defaultdict(int)
    best = []
    for pair in pairs:
        if any(counts[key] < top for key in pair.keys):
            best.append(pair)
        for key in pair.keys:
            counts[key] += 1
    return best


def _with_clusters(
    pairs: Sequence[_Pair], keys: Sequence[str], attrs: Mapping[str, Any]
) -> xr.Dataset:
    """The pairs along `pair`, and the images along `image`, cluster by cluster."""
    dataset = to_dataset([pair.hit for pair in pairs], attrs).rename(hit="pair", image="target")
    numbers = {key: number for number, key in enumerate(keys)}
    ends = np.array([[numbers[key] for key in pair.keys] for pair in pairs], np.intp).reshape(-1, 2)
    score = dataset["score"].values
    count = len(keys)
    graph = coo_array((np.ones(len(pairs)), tuple(ends.T)), shape=(count, count))
    label = connected_components(graph, directed=False)[1] if count else np.empty(0, np.intp)
    strength = np.bincount(ends.ravel(), weights=score.repeat(2), minlength=count)
    sizes = np.bincount(label, minlength=1)[label]
    # Of the labels, which are by the first key, the largest clusters first; the image that shares
    # most with the others first in each.
    order = np.lexsort((-strength, label, -sizes))
    starts = np.diff(label[order], prepend=-1) != 0
    source = np.array([pair.source for pair in pairs], dtype=object)
    return dataset.assign_coords(
        source=("pair", source), image=("image", np.array(keys, dtype=object)[order])
    ).assign(cluster=("image", starts.cumsum() - 1), images=("image", sizes[order]))
