"""Readers of annotations and masks: every fault in a file is one clear error."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import DescrError, ImageError
from ....descriptors.image.decoding import MAX_PIXELS, open_picture


class DatasetError(DescrError):
    """A data set that is missing, half copied or damaged; the message names what."""


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; `DatasetError` if it is missing, damaged or something else."""
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DatasetError(
            f"{path} is not JSON: {error}", hint="it is damaged or cut off: copy it again"
        ) from error
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise DatasetError(f"{path} holds a {kind} where an object is expected")
    return document


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a CSV file without its header, empty lines left out; either kind of line end."""
    rows = [row for row in csv.reader(read_text(path).splitlines()) if any(row)]
    return [[cell.strip() for cell in row] for row in rows[1:]]


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, stripped, empty ones left out; either kind of line end."""
    return [line for line in map(str.strip, read_text(path).splitlines()) if line]


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, a byte-order mark left out; `DatasetError` if it has none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text", hint="copy it again") from error


def read_labels(path: Path) -> npt.NDArray[np.uint8]:
    """The values of a mask, uint8 (height, width): of a palette image the indices, else the grey.

    Raises `DatasetError` for a file that is missing or no such image.
    """
    try:
        with open_picture(path, MAX_PIXELS) as (image, _):
            if image.mode == "1":
                return np.asarray(image).astype(np.uint8)
            return np.array(image if image.mode in ("P", "L") else image.convert("L"))
    except ImageError as error:
        raise DatasetError(error.message, hint=error.hint) from error


@contextmanager
def fields_of(path: Path) -> Iterator[None]:
    """Turn what a missing or ill-formed field raises into a `DatasetError` that names the file."""
    try:
        yield
    except KeyError as error:
        raise DatasetError(f"{path} lacks the field {error.args[0]!r}") from error
    except (ValueError, TypeError, IndexError) as error:
        raise DatasetError(f"{path} has an ill-formed field: {error}") from error


def points_array(values: Any) -> npt.NDArray[np.float64]:
    """float64 (point, 2) of a list of pairs of numbers; `ValueError` for anything else."""
    points = np.asarray(values, dtype=np.float64)
    if points.shape == (0,):
        return points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"points are pairs of finite numbers, not {values!r:.80}")
    return points
