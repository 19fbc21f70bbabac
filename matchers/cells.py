"""What a matcher works on: unit vectors side by side, and where in their image they are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ..descriptors.errors import ImageError, InvalidFeaturesError
from ..descriptors.features.grids import as_tensor, nearest_cells, nearest_pixels
from ..descriptors.features.maps import Points, check_points
from ..descriptors.features.sampling import Interpolation, sample_features
from ..descriptors.image.masks import MaskLike, read_mask

_LENGTH_TOLERANCE = 1e-4
_STRIP = 4096


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of one feature map, or points in it.

    Parameters
    ----------
    features:
        float32 (channel, cell), each column of unit length, on the device of the matcher.
    index:
        int64 (cell,), the place of each in its grid, row by row. For a point: the cell that holds
        it. On the processor, as are all that follow.
    y, x:
        float64 (cell,), the centre of each cell, or the point, in pixels of the upright image.
    grid:
        How many rows and columns the grid has.
    """

    features: torch.Tensor
    index: torch.Tensor
    y: torch.Tensor
    x: torch.Tensor
    grid: tuple[int, int]

    def __len__(self) -> int:
        return len(self.index)

    def take(self, which: torch.Tensor) -> "Cells":
        """The cells that `which` lists, int64, in that order."""
        features = self.features.index_select(1, which.to(self.features.device))
        return Cells(features, self.index[which], self.y[which], self.x[which], self.grid)


def map_cells(fmap: xr.DataArray, device: torch.device) -> Cells:
    """All cells of a map of unit vectors; on the processor its memory is shared, not copied."""
    rows, columns = fmap.sizes["y"], fmap.sizes["x"]
    values = np.ascontiguousarray(fmap.values.reshape(fmap.sizes["channel"], -1))
    y, x = np.meshgrid(fmap["y"].values, fmap["x"].values, indexing="ij")
    return Cells(
        as_tensor(values).to(device),
        torch.arange(rows * columns),
        as_tensor(y.astype(np.float64).ravel()),
        as_tensor(x.astype(np.float64).ravel()),
        (rows, columns),
    )


def point_cells(
    fmap: xr.DataArray, points: Points, interpolation: Interpolation, device: torch.device
) -> Cells:
    """The points (x, y) of a map's image, with the features there.

    Raises `PointError` for a point outside the image.
    """
    at = check_points(points, fmap)
    row = nearest_cells(fmap["y"].values, at[:, 1])
    column = nearest_cells(fmap["x"].values, at[:, 0])
    sampled = sample_features(fmap, at, interpolation=interpolation).values
    return Cells(
        as_tensor(np.ascontiguousarray(sampled)).to(device),
        as_tensor((row * fmap.sizes["x"] + column).astype(np.int64)),
        as_tensor(at[:, 1].copy()),
        as_tensor(at[:, 0].copy()),
        (fmap.sizes["y"], fmap.sizes["x"]),
    )


def mask_at(
    mask: MaskLike, fmap: xr.DataArray, y: torch.Tensor, x: torch.Tensor, name: str
) -> torch.Tensor:
    """Whether each place (y, x) of the map's image lies in the mask: what its nearest pixel says.

    Raises `ImageError` for a mask of another size than the image.
    """
    height, width = int(fmap.attrs["image_height"]), int(fmap.attrs["image_width"])
    inside = read_mask(mask, height=height, width=width, name=name)
    return as_tensor(inside[nearest_pixels(y.numpy(), height), nearest_pixels(x.numpy(), width)])


def masked_cells(cells: Cells, mask: MaskLike | None, fmap: xr.DataArray, name: str) -> Cells:
    """The cells whose centre lies in the mask; all of them, as they are, without one.

    Raises `ImageError` if there is none.
    """
    if mask is None:
        return cells
    inside = mask_at(mask, fmap, cells.y, cells.x, name)
    if bool(inside.all()):
        return cells
    if not bool(inside.any()):
        raise ImageError(
            f"the {name} leaves no cell of {fmap.attrs['image_name']}",
            hint="it must be true at the centre of at least one cell of the feature map",
        )
    return cells.take(inside.nonzero().squeeze(1))


def unit_map(fmap: xr.DataArray, name: str) -> xr.DataArray:
    """The map itself if its cells have unit length up to 1e-4, otherwise a copy where they have.

    Raises `InvalidFeaturesError` for a cell of length zero, which points nowhere.
    """
    values = np.ascontiguousarray(fmap.values.reshape(fmap.sizes["channel"], -1))
    length = torch.linalg.vector_norm(as_tensor(values), dim=0)
    if bool((length - 1).abs().max() <= _LENGTH_TOLERANCE):
        return fmap
    return fmap.copy(data=_scaled(values, fmap, name).reshape(fmap.shape))


def _scaled(
    values: npt.NDArray[np.float32], fmap: xr.DataArray, name: str
) -> npt.NDArray[np.float32]:
    # In float64, since the squares of float32 values may leave the range of float32.
    scaled = np.empty_like(values)
    for first in range(0, values.shape[1], _STRIP):
        strip = values[:, first : first + _STRIP].astype(np.float64)
        length = np.linalg.norm(strip, axis=0)
        if (length == 0).any():
            cell = first + int(np.flatnonzero(length == 0)[0])
            row, column = divmod(cell, fmap.sizes["x"])
            raise InvalidFeaturesError(
                f"{name}: the cell in row {row}, column {column} has length zero",
                hint="every cell needs at least one channel that is not zero",
            )
        scaled[:, first : first + _STRIP] = strip / length
    return scaled
