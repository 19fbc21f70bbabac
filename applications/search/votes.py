"""Where instances of a part lie: the similarities on which the best places of its cells agree.

Each pair of cells says how the part may be turned, scaled, reflected and shifted, and the other
cells vote on it, as in the generalised Hough transform of local features (Lowe, IJCV 2004, section
7.3); but pairs stand in the place of features with a scale and an angle of their own.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_PAIRS = 128  # hypotheses of an image, at most; those of many cells are drawn by a fixed seed
_NEAR = 1.5  # how far an agreeing cell may lie from where it should, in cells
_SMALLEST, _LARGEST = 0.5, 3.0  # scale of an instance: what is smaller is too few cells to tell
_FIXED = 2  # cells that any similarity can be made to fit
_HELD = 1 << 19  # votes that are held at once

Numbers = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Complex = npt.NDArray[np.complex64]


class Instance(NamedTuple):
    """Where a part lies in an image.

    Args:
        score: Sum of the cosines of the cells that agree, through the number of all cells.
        agreement: Share of the cells that agree; of the others the best place is elsewhere.
        matrix: The similarity (2, 3), from pixels of the query to pixels of the image.
    """

    score: float
    agreement: float
    matrix: Numbers


class _Similarities(NamedTuple):
    """A place z = x + iy lies at linear * z + shift, or at linear * conj(z) + shift.

    Complex (image, similarity), all of them reflected or none.
    """

    linear: Complex
    shift: Complex


def find_instances(
    source: Numbers, target: Numbers, cosine: Floats, spacing: tuple[float, Floats]
) -> list[Instance]:
    """Where a part lies in some images, by the best place of each of its cells there.

    Cells that share a best place count together as often as a part of that scale would put cells
    there: a part does not shrink into the one place that everything resembles. Of one cell or two
    the better one says alone where they lie.

    Args:
        source: The cells of the part (cell, 2), as x, y.
        target: Their best places in each image (image, cell, 2).
        cosine: Those of the cells with these places (image, cell).
        spacing: Distance of neighbouring cells, in pixels: in the query, and in each image.
    """
    start, end = ((places @ [1, 1j]).astype(np.complex64) for places in (source, target))
    step = max(1, _HELD // (min(_PAIRS, len(source) ** 2) * len(source)))
    instances: list[Instance] = []
    for first in range(0, len(end), step):
        some = slice(first, first + step)
        images = _Images(start, end[some], cosine[some].clip(0), spacing[0], spacing[1][some])
        instances += images.instances()
    return instances


class _Images:
    """Some images, with the best places (image, cell) of the cells of a part there."""

    def __init__(
        self, start: Complex, end: Complex, weight: Floats, own: float, spacing: Floats
    ) -> None:
        self._start, self._end, self._weight = start, end, weight
        self._own, self._spacing = own, spacing[:, None]
        self._sharing = (end[:, :, None] == end[:, None]).sum(axis=2)

    def instances(self) -> list[Instance]:
        """The best similarity of each image."""
        count = len(self._start)
        rows = np.arange(len(self._end))
        best = self._weight.argmax(axis=1)
        shift = self._end[rows, best] - self._start[best]
        if count <= _FIXED:
            scores = self._weight.mean(axis=1).tolist()
            return [
                Instance(score, 1.0, _matrix(1, to))
                for score, to in zip(scores, shift, strict=True)
            ]
        instances = [
            Instance(float(weight) / count, 1 / count, _matrix(1, to))
            for weight, to in zip(self._weight[rows, best], shift, strict=True)
        ]
        first, second = _pairs(count)
        signs = [0] * len(instances)
        for sign, way in ((1, self._start), (-1, self._start.conj())):
            apart = way[second] - way[first]
            apart[apart == 0] = 1  # Such a pair says nothing.
            linear = ((self._end[:, second] - self._end[:, first]) / apart).astype(np.complex64)
            shifts = (self._end[:, first] - linear * way[first]).astype(np.complex64)
            several = _Similarities(linear, shifts)
            for is_fitted in (False, True):
                votes = self._votes(several, way)
                one = votes.sum(axis=2).argmax(axis=1)
                votes = votes[rows, one]
                scores = (votes.sum(axis=1) / count).tolist()
                for image, score in enumerate(scores):
                    former, agreement = instances[image], float((votes[image] > 0).mean())
                    # Where as many agree, the similarity that was fitted to all of them is nearer.
                    is_nearer = is_fitted and signs[image] == sign
                    is_nearer = is_nearer and agreement >= former.agreement
                    if score > former.score or is_nearer:
                        to = several.linear[image, one[image]], several.shift[image, one[image]]
                        score = max(score, former.score)
                        instances[image] = Instance(score, agreement, _matrix(*to, sign))
                        signs[image] = sign
                several = _fit(way, self._end, votes > 0)
        return instances

    def _votes(self, similarities: _Similarities, way: Complex) -> Floats:
        """What each cell gives to each similarity (image, similarity, cell); 0 if it disagrees."""
        scale = np.abs(similarities.linear)
        steps = scale * np.float32(self._own)
        near = _NEAR * np.maximum(steps, self._spacing)
        near[(scale > _LARGEST) | (scale < _SMALLEST)] = -1
        off = similarities.linear[:, :, None] * way
        off += similarities.shift[:, :, None]
        off -= self._end[:, None]
        room = np.maximum(1, (self._spacing / np.maximum(steps, 1e-6)) ** 2)
        share = np.minimum(1, room[:, :, None] / self._sharing[:, None])
        return np.where(np.abs(off) <= near[:, :, None], self._weight[:, None] * share, 0)


def _fit(way: Complex, end: Complex, agree: npt.NDArray[np.bool_]) -> _Similarities:
    """For each image the similarity of least squares of the cells (image, cell) that agree."""
    count = np.maximum(1, agree.sum(axis=1, keepdims=True))
    own, other = ((agree * side).sum(axis=1, keepdims=True) / count for side in (way, end))
    here, there = agree * (way - own), agree * (end - other)
    power = np.maximum(1e-6, (np.abs(here) ** 2).sum(axis=1, keepdims=True))
    linear = (here.conj() * there).sum(axis=1, keepdims=True) / power
    return _Similarities(linear.astype(np.complex64), (other - linear * own).astype(np.complex64))


def _pairs(count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Two different cells for each hypothesis; all pairs where there are few."""
    first, second = np.triu_indices(count, 1)
    if len(first) > _PAIRS:
        some = np.random.default_rng(0).choice(len(first), _PAIRS, replace=False)
        first, second = first[some], second[some]
    return first, second


def _matrix(linear: complex, shift: complex, sign: int = 1) -> Numbers:
    """The matrix (2, 3) of a similarity, reflected if the sign is -1."""
    a, b = np.real(linear), np.imag(linear)
    return np.array([[a, -sign * b, np.real(shift)], [b, sign * a, np.imag(shift)]], float)
