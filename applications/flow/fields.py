"""What makes a Dataset a flow."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.errors import DescrError
from ...descriptors.features.tree import grid_coordinates

VARIABLES = {
    "flow_x": {"units": "pixel", "long_name": "displacement to the right"},
    "flow_y": {"units": "pixel", "long_name": "displacement down"},
    "score": {"units": "1", "long_name": "cosine similarity of the match"},
    "valid": {"long_name": "whether the displacement is known"},
    "consistency": {"units": "pixel", "long_name": "forward-backward error"},
}
"""What a flow says of each place."""

_HINT = "give what dense_flow or read_flo returns"


class FlowError(DescrError):
    """A flow that can't be found, read or written."""


def flow_vectors(flow: xr.Dataset) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]]:
    """The displacements (2, y, x), x before y, and where they are finite and said to be valid.

    Raises `FlowError` unless `flow_x` and `flow_y` are numbers over (y, x), with coordinates.
    """
    if not isinstance(flow, xr.Dataset):
        raise FlowError(f"the flow is a {type(flow).__name__}, not an xarray.Dataset", hint=_HINT)
    for name in ("flow_x", "flow_y"):
        if name not in flow:
            raise FlowError(f"the flow has no variable {name!r}", hint=_HINT)
        if flow[name].dims != ("y", "x") or flow[name].dtype.kind != "f" or not flow[name].size:
            raise FlowError(
                f"{name} has the dimensions {flow[name].dims} and the type {flow[name].dtype}, "
                "expected floats over ('y', 'x')",
                hint=_HINT,
            )
    for name in ("y", "x"):
        if name not in flow.coords:
            raise FlowError(f"the flow has no coordinate {name!r}", hint=_HINT)
    vectors = np.stack([flow["flow_x"].values, flow["flow_y"].values])
    valid = np.isfinite(vectors).all(axis=0)
    return vectors, valid & flow["valid"].values.astype(bool) if "valid" in flow else valid


def pixel_flow(vectors: npt.NDArray[np.float32]) -> xr.Dataset:
    """The flow of each pixel (2, y, x) as a Dataset; NaN where it is unknown."""
    values = (*vectors, np.isfinite(vectors).all(axis=0))
    rows, columns = (np.arange(length, dtype=float) for length in vectors.shape[1:])
    return xr.Dataset(
        {
            name: (("y", "x"), value, VARIABLES[name])
            for name, value in zip(("flow_x", "flow_y", "valid"), values, strict=True)
        },
        coords=grid_coordinates(rows, columns),
    )
