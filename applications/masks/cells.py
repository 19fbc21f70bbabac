"""Masks of pixels and the cells of feature maps."""

import torch
import xarray as xr

from ...descriptors.errors import ImageError
from ...descriptors.features.grids import as_tensor
from ...descriptors.image.masks import MaskLike
from ...matchers.cells import mask_at
from .base import Mask


def cells_in_mask(mask: MaskLike, fmap: xr.DataArray, *, name: str = "mask") -> Mask:
    """Which cells of a feature map lie in the mask: bool (y, x).

    A cell does if the mask is true at the pixel nearest its centre, as for a matcher.

    Parameters
    ----------
    mask:
        A path, an image or an array of the size of the map's image.
    fmap:
        The feature map.
    name:
        How messages call the mask.

    Raises
    ------
    ImageError
        The mask can't be read, has another size than the image, or leaves no cell.
    """
    y, x = torch.meshgrid(as_tensor(fmap["y"].values), as_tensor(fmap["x"].values), indexing="ij")
    inside: Mask = mask_at(mask, fmap, y, x, name).numpy()
    if not inside.any():
        raise ImageError(
            f"{name} leaves no cell of {fmap.attrs['image_name']}: it is smaller than the "
            "distance of the cells",
            hint="give a larger mask, or a descriptor with finer cells",
        )
    return inside
