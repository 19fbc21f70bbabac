"""A field on a grid made whole: outliers dropped, noise smoothed, holes filled."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import splu

_FLAT = 1e-3
"""Weight of first differences beside that of second ones: calms what is far from all data."""
_RIDGE = 1e-9  # weight of the distance to the affine field: decides only where nothing else does
_LEAST_SMOOTHNESS = 0.1
_ROUNDS = 6

Field = npt.NDArray[np.float64]


def complete_field(
    field: Field,
    has_value: npt.NDArray[np.bool_],
    domain: npt.NDArray[np.bool_],
    *,
    smoothness: float = 2.0,
    scale: float | None = None,
) -> tuple[Field, npt.NDArray[np.bool_]]:
    """The field on its whole domain, and which of its known values are no outliers.

    Both over (row, column).

    A thin plate: the minimum of the squared distances to the known values plus the squared second
    differences, within the domain (Duchon, "Splines minimizing rotation-invariant semi-norms in
    Sobolev spaces", 1977, on a grid). Affine fields come out as they are; a part of the domain
    without a known value continues the affine field that fits the known ones.

    `field` is float64 (row, column, component), read only at `has_value`, bool (row, column), of
    which one at least lies in the domain; outside the result is NaN. Details shorter than about six
    times `smoothness` cells are smoothed away; at 0 the known values stay as they are. What lies
    further than `scale`, in the unit of the field, from the smooth field is an outlier; None
    believes all values. The weights are those of Geman and McClure, with a scale that comes down to
    this one (graduated non-convexity; Blake and Zisserman, "Visual Reconstruction", 1987).
    """
    cells = np.flatnonzero(domain.ravel())
    own = has_value[domain]
    values = np.where(own[:, None], field.reshape(-1, field.shape[-1])[cells], 0.0)
    stiffness = _stiffness(domain, max(smoothness, _LEAST_SMOOTHNESS) ** 4)
    at = np.stack(np.unravel_index(cells, domain.shape), axis=1).astype(np.float64)
    weights, trusted = own.astype(np.float64), own
    solved = _plate(stiffness, weights, values, at)
    limit = np.inf
    for _ in range(0 if scale is None else _ROUNDS):
        distance = np.linalg.norm(solved - values, axis=1)
        typical = float(np.median(distance[own]))
        # Never so small that less than half of the values count.
        limit = max(scale or 0.0, typical, min(limit / 2, 4 * typical))
        trusted = own & (distance <= limit)
        weights = np.where(own, (1 + (distance / limit) ** 2) ** -2.0, 0.0)
        solved = _plate(stiffness, weights, values, at)
    if not np.array_equal(trusted, own):
        solved = _plate(stiffness, np.where(trusted, weights, 0.0), values, at)
    if smoothness < _LEAST_SMOOTHNESS:
        solved = np.where(trusted[:, None], values, solved)
    whole = np.full((domain.size, field.shape[-1]), np.nan)
    whole[cells] = solved
    marked = np.zeros(domain.size, dtype=bool)
    marked[cells] = trusted
    return whole.reshape(field.shape), marked.reshape(domain.shape)


def _plate(stiffness: Any, weights: Field, values: Field, at: Field) -> Field:
    """The plate through weighted values of the cells that lie at these rows and columns."""
    # What it bends away from: the weighted affine fit, of few points the flattest one.
    root = np.sqrt(weights)[:, None]
    centre = np.average(at, axis=0, weights=weights)
    basis = np.column_stack([np.ones(len(at)), at - centre])
    affine = basis @ np.linalg.lstsq(root * basis, root * values, rcond=1e-9)[0]
    solver = splu(csc_array(stiffness + diags_array(weights)))
    return np.asarray(affine + solver.solve(weights[:, None] * (values - affine)))


def _stiffness(domain: npt.NDArray[np.bool_], bending: float) -> Any:
    """The matrix of the squared second and first differences whose cells all lie in the domain."""
    number = np.full(domain.shape, -1)
    count = int(domain.sum())
    number[domain] = np.arange(count)
    columns, rows = number, number.T
    square = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    triples = [(line[:, :-2], line[:, 1:-1], line[:, 2:]) for line in (columns, rows)]
    pairs = [(line[:, :-1], line[:, 1:]) for line in (columns, rows)]
    bends: list[tuple[float, Sequence[npt.NDArray[Any]], Sequence[int]]] = [
        *((1.0, triple, (1, -2, 1)) for triple in triples),
        (2.0, square, (1, -1, -1, 1)),
        *((_FLAT, pair, (1, -1)) for pair in pairs),
    ]
    total = diags_array(np.full(count, _RIDGE))
    for weight, places, factors in bends:
        index = np.stack([place.ravel() for place in places], axis=1)
        index = index[(index >= 0).all(axis=1)]
        shape = (len(index), count)
        entries = np.tile(np.array(factors, dtype=np.float64), len(index))
        which = np.repeat(np.arange(len(index)), index.shape[1])
        difference = coo_array((entries, (which, index.ravel())), shape=shape).tocsr()
        total = total + bending * weight * (difference.T @ difference)
    return total
