"""The answers of a run as one labelled table, and the file that it is kept in."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ....descriptors.errors import DescrError
from ....descriptors.runtime.atomic import whole_file
from ..datasets.pair import Pair
from .features import Size
from .journal import Arrays

SCHEMA = 1
PIXEL = {"units": "pixel"}
SCORE = {"units": "1", "long_name": "cosine similarity"}


class PredictionsError(DescrError):
    """A file that holds no predictions, or those of another schema."""


def build_predictions(
    pairs: Sequence[Pair],
    sizes: Mapping[str, Size],
    answers: Mapping[str, Any],
    about: Mapping[str, Any],
) -> xr.Dataset:
    """The table of the pairs and of the answers, given as variables; `about` is what made them.

    `sizes` are those of the images by key.
    """
    boxes = [(np.nan,) * 4 if pair.target.box is None else pair.target.box for pair in pairs]
    keys = {role: [getattr(pair, role).key for pair in pairs] for role in ("source", "target")}
    variables: dict[str, Any] = {
        "category": ("pair", words([pair.category for pair in pairs])),
        **{role: ("pair", words(of_role)) for role, of_role in keys.items()},
        "target_box": (
            ("pair", "corner"),
            np.array(boxes, dtype=np.float64).reshape(-1, 4),
            {**PIXEL, "long_name": "left, top, right, bottom of the object in the target"},
        ),
    }
    for role, of_role in keys.items():
        for side in ("height", "width"):
            values = np.array([getattr(sizes[key], side) for key in of_role], dtype=np.int64)
            variables[f"{role}_{side}"] = ("pair", values, PIXEL)
    for flag in dict.fromkeys(flag for pair in pairs for flag in pair.flags):
        variables[f"flag_{flag}"] = ("pair", words([pair.flags.get(flag, "") for pair in pairs]))
    return xr.Dataset(
        {**variables, **answers},
        coords={"pair": words([pair.name for pair in pairs])},
        attrs={
            "Conventions": "CF-1.11",
            "descr_predictions": SCHEMA,
            "truth": str(about["dataset"]["truth"]),
            "run": json.dumps(about, sort_keys=True),
        },
    )


def ragged(dimension: str, counts: Sequence[int]) -> tuple[str, npt.NDArray[np.int64], Any]:
    """The variable that says how much of a dimension belongs to each pair.

    The contiguous ragged array of the CF conventions (section 9.3.3).
    """
    about = {"sample_dimension": dimension, "long_name": f"how many of {dimension}"}
    return "pair", np.array(counts, dtype=np.int64), about


def joined(answers: Sequence[Arrays], name: str, dtype: Any) -> npt.NDArray[Any]:
    """One array of the answers of all pairs, one after the other."""
    return np.concatenate([np.empty(0, dtype=dtype), *(one[name].ravel() for one in answers)])


def words(values: Sequence[str]) -> npt.NDArray[Any]:
    """Texts as an array that NetCDF keeps as texts, also where there are none."""
    return np.array(values, dtype=object) if len(values) else np.array([], dtype="U1")


def run_of(predictions: xr.Dataset) -> dict[str, Any]:
    """What made the predictions: data set, descriptor, matcher, versions, counts."""
    run: dict[str, Any] = json.loads(predictions.attrs["run"])
    return run


def save_predictions(predictions: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write the predictions as NetCDF-4, whole or not at all; `OutputError` where that fails."""
    packed = {
        name: {"zlib": True, "complevel": 4}
        for name, variable in predictions.data_vars.items()
        if variable.dtype.kind in "fiub" and variable.size
    }
    with whole_file(path) as temporary:
        predictions.to_netcdf(temporary, engine="netcdf4", encoding=packed)


def load_predictions(path: str | os.PathLike[str]) -> xr.Dataset:
    """The predictions in a file, all in memory, the file closed.

    Raises `PredictionsError` for a file that holds none.
    """
    name, hint = os.fspath(path), "give a .nc file that `descr evaluate` wrote"
    if not os.path.isfile(path):
        raise PredictionsError(f"{name}: there is no such file", hint=hint)
    try:
        with xr.open_dataset(path, engine="netcdf4") as file:
            predictions = file.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise PredictionsError(f"{name}: is no NetCDF file, or is damaged", hint=hint) from error
    if predictions.attrs.get("descr_predictions") != SCHEMA:
        raise PredictionsError(f"{name}: holds no predictions of schema {SCHEMA}", hint=hint)
    return predictions
