"""What makes a Dataset a flow."""

import numpy as np
import xarray as xr

from .errors import FlowError

_HINT = "give what dense_flow or read_flo returns"


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
