"""A folder of features as one tree of xarray, whose arrays are read when they are computed."""

import os
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xarray as xr

from ..errors import FeatureFileError, OptionError
from .forms import FEATURES
from .store import SUFFIX, FeatureStore
from .unread import Unread, unread_nodes


def open_store(folder: str | os.PathLike[str] | FeatureStore) -> xr.DataTree:
    """The features of a folder as a tree of dask arrays, one chunk per layer or map.

    A few milliseconds a file and no features are read to open it: what the files say of themselves.
    Each checksum is compared when values are computed. A file that descr did not write is read in
    a process of its own, which takes some tenths of a second.

    Args:
        folder: What `FeatureStore` or `descr extract` filled, or the store itself.

    Returns:
        xarray.DataTree: A node for each image at its key, as in `birds/robin.jpg`: its feature
            tree, or a Dataset whose `features` are its map. An image whose key is the folder of
            others, `birds` beside `birds/robin.jpg`, is called as its file is: `birds.nc`.

    Raises:
        FeatureFileError: There is no such folder; or as `load_features`, for the first file that is
            none, and when values are computed.
        OptionError: dask is not installed (the extra `distributed`).
    """
    if find_spec("dask") is None:
        raise OptionError(
            "open_store needs dask, which is not installed",
            hint='pip install "descr-sdk[distributed]"',
        )
    store = folder if isinstance(folder, FeatureStore) else FeatureStore(folder)
    if not store.folder.is_dir():
        raise FeatureFileError(f"{store.folder}: there is no such folder", hint=FEATURES.make)
    nodes = {"/": xr.Dataset()}
    for key, name in _node_names(list(store)).items():
        for path, node in unread_nodes(store.path(key), _chunk, is_known=True).items():
            nodes[f"/{name}{path}".rstrip("/")] = node
    return xr.DataTree.from_dict(nodes, name=Path(os.path.abspath(store.folder)).name or None)


def _node_names(keys: Collection[str]) -> dict[str, str]:
    """The place in the tree of each key: its own, if that is no folder of others."""
    folders = {str(folder) for key in keys for folder in PurePosixPath(key).parents}
    names, places = {}, folders.union(keys)
    for key in keys:
        name = key
        while key in folders and name in places:
            name += SUFFIX
        names[key] = name
        places.add(name)
    return names


def _chunk(features: Unread) -> Any:
    """An array of one chunk, by a name that is that of the same features everywhere."""
    from dask import delayed
    from dask.array import from_delayed

    values = delayed(Unread.read, pure=True)(features)
    return from_delayed(values, features.shape, np.dtype(np.float32))
