"""The engine of xarray for the files of descr: `xr.open_datatree("cat.nc", engine="descr")`."""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from ..errors import OptionError
from . import seal
from .unread import Unread, unread_nodes


class Engine(BackendEntrypoint):
    """Feature files and feature map files, with what `load_features` and `load_map` promise.

    The checksum of a file is compared when it is opened, and again when values are read, which
    happens when they are asked for, one layer at a time. Errors are those of `load_features`.
    """

    description = "Feature files and feature map files of descr, checked before they are read"
    supports_groups = True

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether it is the path of a file that ends with a seal: its last bytes are read."""
        with suppress(OSError, OptionError, ValueError):
            path = _path(filename_or_obj)
            # A pipe would be waited for.
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    file.seek(-seal.SIZE, os.SEEK_END)
                    return seal.has_seal(file.read())
        return False

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: str | None = None,
    ) -> xr.Dataset:
        """A feature map file, or one group of a feature file, as in "sift/dense".

        Raises `OptionError` for a group that doesn't exist, and for none where there are several.
        """
        nodes = self.open_groups_as_dict(filename_or_obj, drop_variables=drop_variables)
        if group is None and len(nodes) == 1:
            group = "/"
        path = f"/{(group or '').strip('/')}"
        if group is None or path not in nodes:
            layers = [repr(one[1:]) for one in nodes if one.count("/") == 2]
            what = "holds groups" if group is None else f"has no group {group!r}"
            raise OptionError(
                f"{os.fspath(filename_or_obj)}: {what}",
                hint=f"give group={' or '.join(layers)}" if layers else "leave group out",
            )
        return nodes[path]

    def open_groups_as_dict(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None
    ) -> dict[str, xr.Dataset]:
        """Every group by its path, "/source/layer"; of a feature map file "/" alone."""
        names = [drop_variables] if isinstance(drop_variables, str) else drop_variables or ()
        nodes = unread_nodes(_path(filename_or_obj), _Lazy.of)
        return {path: node.drop_vars(names, errors="ignore") for path, node in nodes.items()}

    def open_datatree(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None
    ) -> xr.DataTree:
        """The feature tree of a feature file; of a feature map file a tree of its root alone."""
        nodes = self.open_groups_as_dict(filename_or_obj, drop_variables=drop_variables)
        return xr.DataTree.from_dict(nodes)


class _Lazy(BackendArray):
    """Features that are read when their values are asked for."""

    def __init__(self, features: Unread) -> None:
        self.features, self.shape, self.dtype = features, features.shape, np.dtype(np.float32)

    @classmethod
    def of(cls, features: Unread) -> indexing.LazilyIndexedArray:
        """As xarray holds them, which puts off what is cut out of them, too."""
        return indexing.LazilyIndexedArray(cls(features))

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key,
            self.shape,
            indexing.IndexingSupport.BASIC,
            lambda part: self.features.read()[part],
        )


def _path(filename_or_obj: Any) -> str:
    """The path of a file; `OptionError` for what is none, such as an open file."""
    if not isinstance(filename_or_obj, (str, os.PathLike)):
        raise OptionError(
            f"the engine 'descr' can't open a {type(filename_or_obj).__name__}",
            hint="give the path of a file",
        )
    return os.path.expanduser(os.fspath(filename_or_obj))
