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


def check_flow(flow: xr.Dataset) -> None:
    """Raise `FlowError` unless `flow_x` and `flow_y` are numbers over (y, x), with coordinates."""
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


def check_pixels(flow: xr.Dataset, form: str) -> None:
    """Raise `FlowError` unless the flow has one vector for each pixel, as files of `form` have."""
    check_flow(flow)
    for name in ("y", "x"):
        if not np.array_equal(flow[name].values, np.arange(flow.sizes[name])):
            raise FlowError(
                f"{form} holds a vector for each pixel, and this flow lies on coarser cells",
                hint='take dense_flow(..., grid="image"), or write NetCDF, which keeps coordinates',
            )


def valid_places(flow: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Where the flow is finite and, if it says so, valid: bool (y, x)."""
    valid = np.isfinite(flow["flow_x"].values) & np.isfinite(flow["flow_y"].values)
    if "valid" in flow:
        valid &= flow["valid"].values.astype(bool)
    return np.asarray(valid)


def pixel_flow(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> xr.Dataset:
    """The flow of each pixel as a Dataset; NaN where it is unknown."""
    values = {"flow_x": x, "flow_y": y, "valid": np.isfinite(x) & np.isfinite(y)}
    rows, columns = x.shape
    return xr.Dataset(
        {name: (("y", "x"), value, VARIABLES[name]) for name, value in values.items()},
        coords=grid_coordinates(np.arange(rows, dtype=float), np.arange(columns, dtype=float)),
    )
