"""Where the instance of a part lies: the similarity on which the best places of its cells agree.

Each pair of cells says how the part may be turned, scaled, reflected and shifted, and the other
cells vote on it, as in the generalised Hough transform of local features (Lowe, IJCV 2004, section
7.3); but pairs stand in the place of features with a scale and an angle of their own.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_PAIRS = 128  # hypotheses of an image, at most; those of many cells are drawn by a fixed seed
_NEAR = 1.5  # how far an agreeing cell may lie from where it should, in cells
_SCALE = 3.0  # how many times larger or smaller an instance may be than the part
_FIXED = 2  # cells that any similarity can be made to fit

Numbers = npt.NDArray[np.float64]
Cosines = npt.NDArray[np.float32]
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


class _Similarity(NamedTuple):
    """A place z = x + iy lies at linear * z + shift; reflected, at linear * conj(z) + shift."""

    linear: Complex
    shift: Complex


def find_instance(
    source: Numbers, target: Numbers, cosine: Cosines, spacing: tuple[float, float]
) -> Instance:
    """Where a part lies in one image, by the best place of each of its cells there.

    Cells that share a best place count together as often as a part of that scale would put cells
    there: a part does not shrink into the one place that everything resembles. Of one cell or two
    the better one says alone where they lie.

    Args:
        source: The cells of the part (cell, 2), as x, y.
        target: Their best places (cell, 2).
        cosine: Those of the cells with these places (cell,).
        spacing: Distance of neighbouring cells, in pixels, in the query and in the image.
    """
    start, end = ((places @ [1, 1j]).astype(np.complex64) for places in (source, target))
    weight = cosine.clip(0)
    count, best = len(start), int(cosine.argmax())
    shift = end[best] - start[best]
    if count <= _FIXED:
        return Instance(float(weight.mean()), 1.0, _matrix(1, shift))
    instance = Instance(float(weight[best] / count), 1 / count, _matrix(1, shift))
    _, place, sharing = np.unique(end, return_inverse=True, return_counts=True)
    first, second = _pairs(count)
    for sign, way in ((1, start), (-1, start.conj())):
        apart = way[second] - way[first]
        linear = (end[second] - end[first])[apart != 0] / apart[apart != 0]
        several = _Similarity(linear, end[first][apart != 0] - linear * way[first][apart != 0])
        for _ in range(2):
            if not len(several.linear):
                break
            votes = _votes(several, way, end, weight, sharing[place], spacing)
            one = int(votes.sum(axis=1).argmax())
            agree = votes[one] > 0
            score = float(votes[one].sum() / count)
            if score > instance.score:
                matrix = _matrix(several.linear[one], several.shift[one], sign)
                instance = Instance(score, float(agree.mean()), matrix)
            if agree.sum() < _FIXED:
                break
            several = _fit(way[agree], end[agree])
    return instance


def _votes(
    similarity: _Similarity,
    way: Complex,
    end: Complex,
    weight: Cosines,
    sharing: npt.NDArray[np.intp],
    spacing: tuple[float, float],
) -> Cosines:
    """What each cell gives to each similarity (similarity, cell): 0 where it does not agree."""
    scale = np.abs(similarity.linear)[:, None]
    steps = scale * spacing[0]
    off = np.abs(similarity.linear[:, None] * way + similarity.shift[:, None] - end)
    agree = (off <= _NEAR * np.maximum(steps, spacing[1])) & (scale <= _SCALE)
    agree &= scale >= 1 / _SCALE
    room = np.maximum(1, (spacing[1] / np.maximum(steps, 1e-9)) ** 2)
    return np.asarray(agree * weight * np.minimum(1, room / sharing))


def _fit(way: Complex, end: Complex) -> _Similarity:
    """The similarity of least squares."""
    here, there = way - way.mean(), end - end.mean()
    power = (np.abs(here) ** 2).sum()
    linear = (here.conj() * there).sum() / power if power > 0 else 1.0 + 0j
    return _Similarity(np.array([linear]), np.array([end.mean() - linear * way.mean()]))


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
    return np.array([[a, -sign * b, np.real(shift)], [b, sign * a, np.imag(shift)]])
