"""Checks of the arrays that the metrics are given."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import OptionError


def checked(
    name: str, values: Any, shape: tuple[int | str, ...], dtype: Any = np.float64
) -> npt.NDArray[Any]:
    """`values` as an array of this shape, of which the words stand for any length.

    Raises `OptionError`, which names the array, where it can't be one.
    """
    try:
        array = np.asarray(values, dtype=dtype)
    except (TypeError, ValueError):
        raise OptionError(f"{name} must be an array of numbers {_written(shape)}") from None
    fits = array.ndim == len(shape) and all(
        isinstance(wanted, str) or wanted == side
        for wanted, side in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise OptionError(f"{name} has the shape {array.shape}, expected {_written(shape)}")
    return array


def labels(name: str, values: Any, count: int) -> npt.NDArray[np.str_]:
    """One label per pair as text: str (pair,); `OptionError` where there are not `count`."""
    array = np.asarray(values)
    if array.shape != (count,):
        raise OptionError(f"{name} has the shape {array.shape}, expected one for each pair")
    return array.astype(np.str_)


def _written(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(str(side) for side in shape)}{',' if len(shape) == 1 else ''})"
