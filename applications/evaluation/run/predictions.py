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
from .features import Size
from .journal import Arrays
from .listing import Listed

SCHEMA = 1
_PIXEL = {"units": "pixel"}
_ABOUT: Mapping[str, Mapping[str, str]] = {
    "source_x": {**_PIXEL, "long_name": "x of the point in the source image"},
    "source_y": {**_PIXEL, "long_name": "y of the point in the source image"},
    "target_x": {**_PIXEL, "long_name": "x of the point in the target image"},
    "target_y": {**_PIXEL, "long_name": "y of the point in the target image"},
    "true_x": {**_PIXEL, "long_name": "x of the true place in the target image"},
    "true_y": {**_PIXEL, "long_name": "y of the true place in the target image"},
    "score": {"units": "1", "long_name": "cosine similarity"},
    "matched": {"long_name": "whether the matcher gave an answer"},
}


class PredictionsError(DescrError):
    """A file that holds no predictions, or those of another schema."""


def pair_variables(pairs: Sequence[Listed], sizes: Mapping[str, Size]) -> dict[str, Any]:
    """What is known of each pair, along `pair`.

    `sizes` are those of the images by key.
    """
    boxes = [(np.nan,) * 4 if pair.box is None else pair.box for pair in pairs]
    flags = dict.fromkeys(flag for pair in pairs for flag in pair.flags)
    variables: dict[str, Any] = {
        "category": ("pair", _words([pair.category for pair in pairs])),
        "source": ("pair", _words([pair.source for pair in pairs])),
        "target": ("pair", _words([pair.target for pair in pairs])),
        "target_box": (
            ("pair", "corner"),
            np.array(boxes, dtype=np.float64).reshape(-1, 4),
            {**_PIXEL, "long_name": "left, top, right, bottom of the object in the target"},
        ),
    }
    for role in ("source", "target"):
        for side in ("height", "width"):
            values = [getattr(sizes[getattr(pair, role)], side) for pair in pairs]
            variables[f"{role}_{side}"] = ("pair", np.array(values, dtype=np.int64), _PIXEL)
    for flag in flags:
        values = [pair.flags.get(flag, "") for pair in pairs]
        variables[f"flag_{flag}"] = ("pair", _words(values))
    return variables


def point_variables(pairs: Sequence[Listed], answers: Sequence[Arrays]) -> dict[str, Any]:
    """The points of all pairs one after the other, along `point`: in the source, true and answered.

    `answers` hold for each pair `target_x`, `target_y`, `score` and `matched` (point,).
    """
    source = np.concatenate([np.empty((0, 2)), *(pair.source_points for pair in pairs)])
    true = np.concatenate([np.empty((0, 2)), *(pair.target_points for pair in pairs)])
    names = [
        name for pair in pairs for name in (pair.point_names or ("",) * len(pair.source_points))
    ]
    columns: dict[str, npt.NDArray[Any]] = {
        "source_x": source[:, 0],
        "source_y": source[:, 1],
        "true_x": true[:, 0],
        "true_y": true[:, 1],
        "target_x": joined(answers, "target_x", np.float64),
        "target_y": joined(answers, "target_y", np.float64),
        "score": joined(answers, "score", np.float32),
        "matched": joined(answers, "matched", np.bool_),
    }
    counts = np.array([len(pair.source_points) for pair in pairs], dtype=np.int64)
    return {
        "points": ("pair", counts, ragged("point")),
        "point_name": ("point", _words(names)),
        **{name: ("point", values, dict(_ABOUT[name])) for name, values in columns.items()},
    }


def ragged(dimension: str) -> dict[str, str]:
    """The attributes of the variable that says how much of a dimension belongs to each pair."""
    # The contiguous ragged array of the CF conventions (section 9.3.3).
    return {
        "sample_dimension": dimension,
        "long_name": f"how many of {dimension}",
    }


def joined(answers: Sequence[Arrays], name: str, dtype: Any) -> npt.NDArray[Any]:
    """One array of the answers of all pairs, one after the other."""
    return np.concatenate([np.empty(0, dtype=dtype), *(one[name] for one in answers)])


def build_predictions(
    variables: Mapping[str, Any], names: Sequence[str], about: Mapping[str, Any]
) -> xr.Dataset:
    """The table of the answers by the names of the pairs; `about` says what made them."""
    return xr.Dataset(
        dict(variables),
        coords={"pair": _words(names)},
        attrs={
            "Conventions": "CF-1.11",
            "descr_predictions": SCHEMA,
            "truth": str(about["dataset"]["truth"]),
            "run": json.dumps(about, sort_keys=True),
        },
    )


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


def _words(values: Sequence[str]) -> npt.NDArray[Any]:
    """Texts as an array that NetCDF keeps as texts, also where there are none."""
    return np.array(values, dtype=object) if len(values) else np.array([], dtype="U1")
