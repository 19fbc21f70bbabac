"""Position as a part of features: the directions that hold it, and features without them.

Cuttano et al., "INSID3: Training-Free In-Context Segmentation with DINOv3", CVPR 2026,
arXiv:2603.28480: cells of a picture without content differ by their position alone, in few
dimensions. Theirs are the black canvas, its cells scaled to unit length and centred, the first left
singular vectors, and the projection onto their complement, for the normed token of DINOv3 on a
square canvas of one size. Here every facet and block of any vision transformer has its directions
for each shape of canvas; one in which cells differ by no more than rounding is not taken out.
"""

import torch
from torch.nn import functional

_ROUNDING = 16
"""How many times the precision of the network cells may differ without saying anything."""


def positional_directions(black: torch.Tensor, count: int) -> torch.Tensor:
    """The directions in which the cells of a black canvas differ most: (channel, count), float32.

    `black` are its features (channel, rows, columns) in the precision of the network, with more
    cells and channels than `count`. The directions have unit length and are orthogonal; those
    within rounding are 0. Singular vectors come from the scatter in float64.
    """
    precision = torch.finfo(black.dtype).eps
    cells = functional.normalize(black.flatten(1).cpu().double(), dim=0)
    centred = cells - cells.mean(dim=1, keepdim=True)
    variances, directions = torch.linalg.eigh(centred @ centred.T / cells.shape[1])
    above = variances.flip(0)[:count] > (_ROUNDING * precision) ** 2
    widest: torch.Tensor = directions.flip(1)[:, :count] * above
    return widest.to(black.device, torch.float32)


def project_out(features: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Features (batch, channel, rows, columns) without these directions (channel, count), float32.

    The rest of each cell is left as it is, and so is not of unit length.
    """
    cells = features.float().flatten(2)
    rest: torch.Tensor = cells - directions @ (directions.T @ cells)
    return rest.reshape(features.shape)
