"""What a page holds of features: fewer components by source, 8 bits each; and what that loses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from scipy.linalg import eigh

from ...descriptors.features.grids import as_tensor, double, unit_length
from ...descriptors.features.maps import check_comparable

Cells: TypeAlias = npt.NDArray[np.int8]
"""int8 (cell, component): cells row by row, each along its components."""

ALL = "all"
_LARGEST = 127
_EVEN = 1e-3  # how far the share of a source may vary over cells that are weighted alike
_MEASURED = 4096  # cells of each image that the loss is measured at
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class PackedFeatures:
    """Feature maps in 8 bits, the parts of each source apart.

    A packed cell stands for the unit vector along it: cosines are quotients of whole numbers and
    of the roots of whole numbers, the same in every program.

    Args:
        outlines: The maps that were packed, for their grids and attributes.
        parts: Which channels of the maps each part had, by the name of its source.
        shares: What each part has of the cosine of the whole, which sum to 1: the squares of the
            weights.
        cells: By source, then by image.
    """

    outlines: Sequence[xr.DataArray]
    parts: Mapping[str, npt.NDArray[np.intp]]
    shares: Sequence[float]
    cells: Sequence[Sequence[Cells]]

    @property
    def sources(self) -> list[str]:
        """The names of the parts."""
        return list(self.parts)

    @property
    def channels(self) -> list[int]:
        """How many channels each part had."""
        return [len(channels) for channels in self.parts.values()]

    @property
    def components(self) -> list[int]:
        """How many components each part has."""
        return [part[0].shape[1] for part in self.cells]

    def maps(self, shares: Sequence[float] | None = None) -> list[xr.DataArray]:
        """Feature maps of the packed cells, with each part at its share or at one of `shares`."""
        shares = self.shares if shares is None else shares
        text = f"{self._identity} {[round(share / sum(shares), 6) for share in shares]}"
        basis = sha256(text.encode()).hexdigest()
        maps = []
        for image, outline in enumerate(self.outlines):
            pieces = [
                unit_length(as_tensor(part[image].T.astype(np.float32))) * np.sqrt(share)
                for part, share in zip(self.cells, shares, strict=True)
            ]
            joined = unit_length(torch.cat(pieces)).numpy()
            sources = [
                name
                for name, count in zip(self.sources, self.components, strict=True)
                for _ in range(count)
            ]
            maps.append(
                xr.DataArray(
                    joined.reshape(-1, outline.sizes["y"], outline.sizes["x"]),
                    dims=("channel", "y", "x"),
                    coords={
                        "y": outline["y"],
                        "x": outline["x"],
                        "source": ("channel", sources),
                        "layer": ("channel", ["packed"] * len(sources)),
                    },
                    attrs={**outline.attrs, "basis": basis},
                    name="features",
                )
            )
        return maps

    @cached_property
    def _identity(self) -> str:
        digest = sha256()
        for cells in (one for part in self.cells for one in part):
            digest.update(cells.tobytes())
        return digest.hexdigest()


def pack_features(maps: Sequence[xr.DataArray], components: Sequence[int]) -> PackedFeatures:
    """The maps with at most so many components of each of their `source_parts`, in 8 bits.

    The cells of all images are projected to their first singular vectors, without taking off the
    mean, so that of all projections to so many components this one keeps dot products best; and
    turned by a fixed rotation, which spreads a cell evenly over its components, so that steps of
    1/127 of the largest are small for all of them.

    Args:
        maps: Feature maps (channel, y, x) of one basis.
        components: How many for each part.

    Raises:
        IncomparableFeaturesError: The maps are of different bases.
    """
    for fmap in maps:
        check_comparable(maps[0], fmap)
    parts = source_parts(maps)
    shares = _shares(maps, parts)
    packed = []
    for channels, most in zip(parts.values(), components, strict=True):
        columns = [
            double(unit_length(as_tensor(fmap.values[channels]))).flatten(1).numpy()
            for fmap in maps
        ]
        axes = _axes(columns, min(most, len(columns[0])))
        packed.append([_pack(own.T @ axes) for own in columns])
    total = sum(shares)
    return PackedFeatures(maps, parts, [share / total for share in shares], packed)


def source_parts(maps: Sequence[xr.DataArray]) -> dict[str, npt.NDArray[np.intp]]:
    """The channels of each source of the maps.

    One part holds all where sources are not labelled, or don't weigh the same in every cell: only
    of even parts is the cosine of the whole the weighted mean of theirs.
    """
    count = maps[0].sizes["channel"]
    labels = maps[0]["source"].values.tolist() if "source" in maps[0].coords else ["features"]
    names = [name for name, _ in groupby(labels)]
    if len(labels) == count and len(names) == len(set(names)) > 1:
        parts = {name: np.flatnonzero(np.array(labels) == name) for name in names}
        if all(_unevenness(maps, channels) <= _EVEN for channels in parts.values()):
            return parts
    return {" + ".join(dict.fromkeys(labels)): np.arange(count)}


def measure_loss(maps: Sequence[xr.DataArray], packed: PackedFeatures) -> xr.Dataset:
    """How far nearest neighbours and cosines of packed features are from those of the maps.

    Each image is compared with the next, the last with the first, at up to 4,096 of its cells.

    Returns:
        xarray.Dataset: Along `descriptor` (each source, and "all" together where there are
            several): `same_cell` and `within_one_cell`, the shares of the cells whose nearest
            neighbour is the same, or at most one row and column from it; `rms` and `largest`
            difference of the cosines; `channels` and `components`.
    """
    parts = packed.parts
    names = [*packed.sources, *([ALL] if len(parts) > 1 else [])]
    tally = [_Tally() for _ in names]
    count = len(maps)
    for first, second in ((one, (one + 1) % count) for one in range(count)):
        columns = maps[second].sizes["x"]
        cells = maps[first].sizes["y"] * maps[first].sizes["x"]
        chosen = np.linspace(0, cells - 1, min(cells, _MEASURED)).round().astype(int)
        full = [
            [
                unit_length(as_tensor(maps[one].values[channels])).flatten(1)
                for one in (first, second)
            ]
            for channels in parts.values()
        ]
        kept = [
            [unit_length(as_tensor(part[one].T.astype(np.float32))) for one in (first, second)]
            for part in packed.cells
        ]
        for start in range(0, len(chosen), _BLOCK):
            block = torch.from_numpy(chosen[start : start + _BLOCK])
            whole = [torch.zeros(1), torch.zeros(1)]
            for place, share in enumerate(packed.shares):
                both = [a[:, block].T @ b for a, b in (full[place], kept[place])]
                tally[place].add(columns, *both)
                whole = [one + share * cosines for one, cosines in zip(whole, both, strict=True)]
            if len(parts) > 1:
                tally[-1].add(columns, *whole)
    variables: dict[str, Sequence[float]] = {
        "same_cell": [one.same_cell / one.cells for one in tally],
        "within_one_cell": [one.within_one_cell / one.cells for one in tally],
        "rms": [float(np.sqrt(one.squares / one.pairs)) for one in tally],
        "largest": [one.largest for one in tally],
    }
    for name, sizes in (("channels", packed.channels), ("components", packed.components)):
        variables[name] = [*sizes, sum(sizes)][: len(names)]
    return xr.Dataset(
        {name: ("descriptor", values) for name, values in variables.items()},
        coords={"descriptor": names},
    )


def loss_rows(loss: xr.Dataset) -> list[dict[str, Any]]:
    """A loss as rows of numbers, rounded, each with its `descriptor`."""
    return [
        {"descriptor": name, **{key: round(value, 6) for key, value in row.items()}}
        for name, row in loss.to_dataframe().to_dict("index").items()
    ]


class _Tally:
    """Sums over blocks of cosines, those of full features beside those of packed ones."""

    def __init__(self) -> None:
        self.cells = self.pairs = self.same_cell = self.within_one_cell = 0
        self.squares = self.largest = 0.0

    def add(self, columns: int, full: torch.Tensor, kept: torch.Tensor) -> None:
        """Take in a block (query, cell) of a grid with so many columns."""
        best, other = full.argmax(1), kept.argmax(1)
        down = (best // columns - other // columns).abs()
        across = (best % columns - other % columns).abs()
        difference = (full - kept).abs()
        self.cells += len(full)
        self.pairs += difference.numel()
        self.same_cell += int((best == other).sum())
        self.within_one_cell += int((torch.maximum(down, across) <= 1).sum())
        self.squares += float(double(difference).square().sum())
        self.largest = max(self.largest, float(difference.max()))


def _shares(maps: Sequence[xr.DataArray], parts: dict[str, npt.NDArray[np.intp]]) -> list[float]:
    """The squared length that each part has of a cell, which has length 1."""
    return [
        float(np.mean([np.square(fmap.values[own]).sum(axis=0).mean() for fmap in maps]))
        for own in parts.values()
    ]


def _unevenness(maps: Sequence[xr.DataArray], channels: npt.NDArray[np.intp]) -> float:
    lengths = [np.square(fmap.values[channels]).sum(axis=0) for fmap in maps]
    return float(max(one.max() for one in lengths) - min(one.min() for one in lengths))


def _axes(columns: Sequence[npt.NDArray[np.float64]], count: int) -> npt.NDArray[np.float64]:
    """What projects cells (channel, cell) to so many components: (channel, component)."""
    channels = len(columns[0])
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((count, count)))[0]
    if count == channels:
        return np.asarray(rotation, dtype=np.float64)
    moments = sum(own @ own.T for own in columns)
    axes = eigh(moments, subset_by_index=[channels - count, channels - 1])[1]
    return np.asarray(axes @ rotation, dtype=np.float64)


def _pack(cells: npt.NDArray[np.float64]) -> Cells:
    """Cells (cell, component) as whole numbers, the largest of each cell 127."""
    largest = np.abs(cells).max(axis=1, keepdims=True)
    # A cell that the projection leaves nothing of has no direction: equal components, as anywhere.
    cells = np.where(largest > 0, cells, 1.0)
    return np.rint(cells * (_LARGEST / np.where(largest > 0, largest, 1.0))).astype(np.int8)
