"""Feature trees and feature maps as tensors, on the device that made them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from typing import Any, Self, cast

import numpy as np
import torch
import xarray as xr

from ..errors import InvalidFeaturesError
from ..image.reading import Image
from ..runtime.devices import find_device
from .grids import Grid, as_tensor, unit_length
from .maps import Points, build_map, check_attributes, check_map, check_points
from .sampling import Interpolation, read_at
from .tree import check_tree, grid_coordinates, root_attributes, tree_layers

_TOLERANCE = 1e-4  # how far the length of a cell of a feature map may be from 1
_SQUARES = 1e-30, 1e37  # between which squares of lengths are sums of float32 that lost nothing
_STRIP = 64


@dataclass(frozen=True, eq=False)
class LayerFeatures:
    """One layer of one image.

    Args:
        features: float32 (channel, rows, columns), as the network gave them.
        grid: Where its cells are, in pixels of the upright image.
        attributes: Those of its group of a feature tree: see `Provenance`.
    """

    features: torch.Tensor
    grid: Grid
    attributes: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The layer's place in a feature tree: "source/layer"."""
        return f"{self.attributes['source']}/{self.attributes['layer']}"


@dataclass(frozen=True, eq=False)
class Features:
    """All layers of one image as tensors: a feature tree, on the device that made it.

    Args:
        image: The attributes of the root of a feature tree, such as `image_name`.
        layers: The layers by "source/layer", in order.
    """

    image: Mapping[str, Any]
    layers: Mapping[str, LayerFeatures]

    @classmethod
    def of(cls, image: Image, descriptor: str, layers: Iterable[LayerFeatures]) -> Self:
        """The layers of an upright image, by the descriptor with this `repr`.

        Raises `InvalidFeaturesError` for two layers of one name.
        """
        by_path: dict[str, LayerFeatures] = {}
        for layer in layers:
            if by_path.setdefault(layer.path, layer) is not layer:
                raise InvalidFeaturesError(f"two layers are called {layer.path}")
        return cls(root_attributes(image, descriptor), by_path)

    @classmethod
    def from_tree(cls, tree: xr.DataTree, *, device: str | torch.device = "cpu") -> Self:
        """The tensors of a feature tree; on the processor they share its memory.

        Raises `InvalidFeaturesError` for a tree that breaks the schema.
        """
        name = "?"
        if isinstance(tree, xr.DataTree):
            name = tree.attrs.get("image_name", name)
            if any(tree.chunksizes.values()):
                tree = tree.compute()  # once: each look at dask arrays would read them anew
        check_tree(tree, f"the feature tree of {name}")
        return cls.read(tree, device)

    @classmethod
    def read(cls, tree: xr.DataTree, device: str | torch.device = "cpu") -> Self:
        """As `from_tree`, for a tree that was checked before."""
        place, layers = find_device(str(device)), {}
        for path, node in tree_layers(tree).items():
            features = as_tensor(node["features"].values).to(place)
            layers[path] = LayerFeatures(features, Grid.of(node), dict(node.attrs))
        return cls(cast(Mapping[str, Any], tree.attrs), layers)

    def to_tree(self) -> xr.DataTree:
        """The feature tree, float32 on the processor; the memory is shared where it lies there."""
        nodes = {"/": xr.Dataset(attrs=dict(self.image))}
        for path, layer in self.layers.items():
            nodes[f"/{path}"] = xr.Dataset(
                {"features": (("channel", "y", "x"), layer.features.detach().cpu().numpy())},
                coords=grid_coordinates(layer.grid.y, layer.grid.x),
                attrs=dict(layer.attributes),
            )
        return xr.DataTree.from_dict(nodes)

    def to(self, device: str | torch.device) -> "Features":
        """The same features on another device."""
        place, moved = find_device(str(device)), {}
        for path, layer in self.layers.items():
            moved[path] = replace(layer, features=layer.features.to(place))
        return Features(self.image, moved)

    @property
    def nbytes(self) -> int:
        """The bytes of all layers."""
        return sum(layer.features.nbytes for layer in self.layers.values())


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """One grid of unit vectors, ready to be compared: a feature map, on the device that made it.

    It is checked when it is made, and a matcher neither checks, scales nor copies it again.

    Args:
        features: float32 (channel, rows, columns), each cell of length 1 up to 1e-4.
        grid: Where its cells are, in pixels of the upright image.
        attrs: Those of a feature map: `image_name`, `image_height`, `image_width` and `basis` at
            least.
        sources, layers: Where each channel is from; empty where that is not known.
        is_unit: Whether the cells are known to have length 1, and need not be measured.

    Raises:
        InvalidFeaturesError: The shape is not that of the grid, the type is not float32, an
            attribute is missing, or a cell is not of unit length, NaN or infinite.
    """

    features: torch.Tensor
    grid: Grid
    attrs: Mapping[str, Any]
    sources: Sequence[str] = field(default=(), repr=False)
    layers: Sequence[str] = field(default=(), repr=False)
    is_unit: InitVar[bool] = field(default=False, kw_only=True)

    def __post_init__(self, is_unit: bool) -> None:
        check_attributes(self.attrs, "feature map")
        name = f"feature map of {self.attrs['image_name']}"
        expected = (len(self.grid.y), len(self.grid.x))
        if self.features.ndim != 3 or self.features.shape[1:] != expected:
            raise InvalidFeaturesError(
                f"the {name} has the shape {tuple(self.features.shape)}, expected "
                f"(channel, {expected[0]}, {expected[1]}) by its grid"
            )
        if self.features.dtype != torch.float32:
            raise InvalidFeaturesError(
                f"the {name} has type {self.features.dtype}, expected torch.float32"
            )
        # A length of NaN or infinity is none of 1 either.
        if not (is_unit or _is_unit(self.features)):
            raise InvalidFeaturesError(
                f"the {name} has cells that are not of unit length, or NaN",
                hint="scale it by torch.nn.functional.normalize(features, dim=0)",
            )

    @classmethod
    def from_xarray(
        cls,
        fmap: xr.DataArray,
        *,
        device: str | torch.device = "cpu",
        name: str = "feature map",
    ) -> Self:
        """The tensor of a labelled feature map, with its cells scaled to length 1.

        On the processor it shares the memory of a map whose cells have unit length up to 1e-4.
        `name` is what errors call it.

        Raises `InvalidFeaturesError` for what is no finite float32 map (channel, y, x), and for a
        cell of length zero, which points nowhere.
        """
        if isinstance(fmap, xr.DataArray) and fmap.chunks is not None:
            fmap = fmap.compute()
        check_map(fmap, name)
        values = as_tensor(np.ascontiguousarray(fmap.values))
        is_unit = _is_unit(values)
        if not is_unit:
            blank = (values == 0).all(dim=0).nonzero()
            if len(blank):
                row, column = blank[0].tolist()
                raise InvalidFeaturesError(
                    f"{name}: the cell in row {row}, column {column} has length zero",
                    hint="every cell needs at least one channel that is not zero",
                )
            values = unit_length(values)
        sources, layers = (
            fmap[label].values.tolist() if label in fmap.coords else ()
            for label in ("source", "layer")
        )
        attrs = cast(Mapping[str, Any], fmap.attrs)
        place = find_device(str(device))
        return cls(values.to(place), Grid.of(fmap), attrs, sources, layers, is_unit=is_unit)

    def at(self, points: Points, *, interpolation: Interpolation = "bilinear") -> torch.Tensor:
        """The features (channel, point) at points of the image, each of unit length.

        As `sample_features`, on the device of the map.
        """
        return unit_length(
            read_at(self.features, self.grid, check_points(points, self), interpolation)
        )

    def to_xarray(self) -> xr.DataArray:
        """The labelled map, float32 on the processor; the memory is shared where it lies there."""
        features = self.features.detach().cpu()
        return build_map(features, self.grid, self.attrs, self.sources, self.layers)

    def to(self, device: str | torch.device) -> "FeatureMap":
        """The same map on another device; itself where it is there."""
        place = find_device(str(device))
        features = self.features.to(place)
        return self if features is self.features else replace(self, features=features, is_unit=True)


def scale_cells(pieces: Sequence[torch.Tensor], length: float, out: torch.Tensor) -> bool:
    """Join pieces of cells and scale each cell to a length, into `out`; whether all have it then.

    Where squares leave the range of float32, a cell is 0, or gradients are taken, it is by
    `unit_length`.
    """
    squares = _squared_lengths(*pieces)
    is_within = bool(((squares > _SQUARES[0]) & (squares < _SQUARES[1])).all())
    if not is_within or squares.requires_grad or out.requires_grad:
        out.copy_(unit_length(torch.cat(list(pieces))) * length)
        return False
    divisor = squares.sqrt_() / length
    for piece, part in zip(pieces, torch.split(out, list(map(len, pieces))), strict=True):
        torch.div(piece, divisor, out=part)
    return True


def _squared_lengths(*pieces: torch.Tensor) -> torch.Tensor:
    """The squared length of each cell (rows, columns) whose channels these pieces hold together."""
    squares = torch.zeros_like(pieces[0][0])
    for piece in pieces:
        # Squares of a few channels stay in the cache: a quarter of the time of a norm over all.
        for some in torch.split(piece, _STRIP):
            squares += some.square().sum(dim=0)
    return squares


def _is_unit(features: torch.Tensor) -> bool:
    length = _squared_lengths(features.detach()).sqrt_()
    return bool(((length - 1).abs() <= _TOLERANCE).all())
