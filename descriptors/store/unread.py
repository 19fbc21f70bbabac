"""Files whose features are read when they are asked for, each time checked as a whole."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..errors import FeatureFileError
from ..features.schema import check_centres
from ..features.tree import label_map
from .forms import FEATURES, MAPS
from .groups import Group
from .info import MAP_GROUP, feature_layers, map_arrays, map_labels
from .layout import groups_to_nodes
from .sealed import read_sealed


@dataclass(frozen=True)
class Unread:
    """Features that lie in a file: float32 (channel, y, x).

    Args:
        path: The file.
        group: That of a layer, "/source/layer", or of the map.
        shape: Channels, rows, columns.
        seal: That of the file, by which one that was replaced is told.
    """

    path: str
    group: str
    shape: tuple[int, ...]
    seal: bytes

    def read(self) -> npt.NDArray[np.float32]:
        """The values; raises as `load_features`, and where the file is another one by now."""
        contents = read_sealed(self.path, FEATURES, MAPS, values=[self.group])
        values: npt.NDArray[np.float32] | None = None
        if contents.seal == self.seal:
            if contents.form is MAPS:
                from .maps import to_map

                values = to_map(contents).features.numpy()
            else:
                with contents.guard():
                    layer = feature_layers(contents).get(self.group[1:])
                values = None if layer is None else layer.arrays["features"].values
        if values is None or values.shape != self.shape:
            raise FeatureFileError(
                f"{self.path}: is another file than the one that was opened", hint="open it again"
            )
        return values


Wrap: TypeAlias = Callable[[Unread], Any]
"""What makes an array that xarray takes, of features that are not read."""


def unread_nodes(
    path: str | os.PathLike[str], wrap: Wrap, *, is_known: bool = False
) -> dict[str, xr.Dataset]:
    """The nodes of the tree that a file holds, by path from "/"; of a map its root alone.

    Raises what `load_any` does, but for what is wrong with the values themselves. `is_known` is
    that of `read_sealed`: damage is told when the values are read.
    """
    contents = read_sealed(path, FEATURES, MAPS, values=False, is_known=is_known)
    place = os.path.abspath(contents.path)

    def unread(group: Group) -> Any:
        shape = group.arrays["features"].values.shape
        return wrap(Unread(place, group.path, shape, contents.seal))

    with contents.guard():
        if contents.form is MAPS:
            arrays, attributes = map_arrays(contents)
            y, x = arrays["y"].values, arrays["x"].values
            check_centres(y, "its y", attributes["image_height"])
            check_centres(x, "its x", attributes["image_width"])
            labels = map_labels(contents, len(arrays["features"].values))
            fmap = label_map(unread(contents.groups[MAP_GROUP]), y, x, attributes, *labels)
            return {"/": fmap.to_dataset()}
        feature_layers(contents)
        groups = []
        for group in contents.groups.values():
            arrays = dict(group.arrays)
            if "features" in arrays:
                arrays["features"] = replace(arrays["features"], values=unread(group))
            groups.append(replace(group, arrays=arrays))
        return groups_to_nodes(groups)
