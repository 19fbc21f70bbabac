"""The accessor `descr` of xarray's arrays, trees and datasets: `fmap.descr`.

What it offers draws and matches, and lies in packages above this one. It is found through an entry
point when it is first asked for, so that whoever has a map or a tree has it, without an import.
"""

from functools import partial
from typing import Any

import xarray as xr

from ..registry import plugins

GROUP = "descr.accessors"


def _accessor(kind: str, data: Any) -> Any:
    """The accessor of an object of xarray of this kind, as the entry point of the name gives it."""
    for point in plugins(GROUP):
        if point.name == kind:
            return point.load()(data)
    raise AttributeError(f"nothing installed has the entry point {kind} of {GROUP}")


_REGISTER: dict[str, Any] = {
    "DataArray": xr.register_dataarray_accessor,
    "DataTree": xr.register_datatree_accessor,
    "Dataset": xr.register_dataset_accessor,
}
for _kind, _register in _REGISTER.items():
    _register("descr")(partial(_accessor, _kind))
