"""The best pixel of a target, as on features resized to its image, which are never held."""

import numpy as np
import torch

from ....descriptors.features.grids import Grid, bilinear_weights
from ....matchers.correspondences import Partners


def best_pixels(
    query: torch.Tensor, features: torch.Tensor, grid: Grid, height: int, width: int
) -> Partners:
    """The pixel of the highest cosine for each query, of features resized bilinearly to the image.

    As in the evaluation of DIFT (Tang et al., NeurIPS 2023), which scales the resized features to
    unit length. A product with them is the resized product with the cells, and their length
    follows from the products of neighbouring cells. Of equal pixels the first in the order of rows.

    `query` is float32 (channel, query), of unit length; `features` are (channel, rows, columns),
    of any, with the centres of their cells in `grid`, in pixels of the image.
    """
    down, across = (
        bilinear_weights(centres, np.arange(side, dtype=np.float64)).to(features.device)
        for centres, side in ((grid.y, height), (grid.x, width))
    )
    length = _lengths(features, down, across)
    scores: list[torch.Tensor] = []
    places: list[torch.Tensor] = []
    for one in query.unbind(1):
        cosines = (down @ torch.einsum("c,cyx->yx", one, features) @ across.T).div_(length)
        scores.append(cosines.max().cpu())
        places.append(cosines.argmax().cpu())
    place = torch.stack(places)
    return Partners((place % width).double(), (place // width).double(), torch.stack(scores))


def _lengths(features: torch.Tensor, down: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
    """The length (height, width) of the resized features at each pixel.

    With the weights a, b, c, d of four cells the square is the sum of a^2 |A|^2, ..., 2 a b A B,
    ..., of which each weight is one down times one across.
    """
    own = features.square().sum(0)
    beside = (features[:, :, 1:] * features[:, :, :-1]).sum(0)
    below = (features[:, 1:] * features[:, :-1]).sum(0)
    corner = (features[:, 1:, 1:] * features[:, :-1, :-1]).sum(0)
    corner += (features[:, 1:, :-1] * features[:, :-1, 1:]).sum(0)
    once = down.square(), across.square()
    twice = 2 * down[:, 1:] * down[:, :-1], 2 * across[:, 1:] * across[:, :-1]
    square = once[0] @ own @ once[1].T
    # What is less than a millionth of what it is made of is rounding.
    least = square * 1e-6
    square += once[0] @ beside @ twice[1].T + twice[0] @ below @ once[1].T
    square += twice[0] @ corner @ twice[1].T / 2
    return torch.maximum(square, least).sqrt_().clamp_(min=torch.finfo(torch.float32).tiny)
