"""DINOv2's position embedding on grids of other sizes than it was trained on."""

import torch
from torch.nn import functional

_OFFSET = 0.1


def resize_positions(
    positions: torch.Tensor, rows: int, columns: int, *, registers: bool
) -> torch.Tensor:
    """The position embedding of a grid, as the original implementation resizes it.

    The models without registers give bicubic interpolation a scale factor, (cells + 0.1) over the
    side of the trained grid, and no antialiasing: not the same as a target size, which shifts
    the samples by up to half of 0.1 / cells of the grid. The models with registers give it the
    target size, and antialiasing (`interpolate_offset` and `interpolate_antialias` of the
    published configs, https://github.com/facebookresearch/dinov2).

    `positions` are (1, trained cells, channel), row by row of a square grid; the answer is
    (1, rows * columns, channel), in the same precision. The interpolation is in float32.
    """
    side = round(positions.shape[1] ** 0.5)
    if (rows, columns) == (side, side):
        return positions
    grid = positions.float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if registers:
        resized = functional.interpolate(grid, (rows, columns), mode="bicubic", antialias=True)
    else:
        scale = ((rows + _OFFSET) / side, (columns + _OFFSET) / side)
        resized = functional.interpolate(grid, scale_factor=scale, mode="bicubic")
    return resized.permute(0, 2, 3, 1).flatten(1, 2).to(positions.dtype)
