"""Convolutions of 3 x 3 with 16 products for 4 results, where the sum itself takes 36.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016), section 4.1: the
filter F(2 x 2, 3 x 3). Its constants are 1 and 1/2, so that nothing is lost in float32.
"""

import torch
from torch.nn import functional

_LEAST_CHANNELS = 128
"""With fewer channels the sums around the products take the time that the products save."""

_LEAST_CELLS = 3000
"""Over fewer cells the transform of the weights does."""


class Winograd:
    """A convolution of 3 x 3 and stride 1, in float32 on the CPU.

    Holds the weights transformed: 16/9 of their size.
    """

    @staticmethod
    def pays(weight: torch.Tensor, cells: int) -> bool:
        """Whether this is faster than the sum itself, of stride 1, for so many results."""
        return (
            weight.dtype == torch.float32
            and weight.shape[2:] == (3, 3)
            and min(weight.shape[:2]) >= _LEAST_CHANNELS
            and cells >= _LEAST_CELLS
        )

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        corners = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
        transformed = torch.einsum("ia,ocab,jb->ijco", corners, weight, corners)
        self.weight = transformed.flatten(0, 1).contiguous()
        self.bias = bias
        self._rooms: dict[str, torch.Tensor] = {}

    def __call__(self, features: torch.Tensor, columns: int) -> torch.Tensor:
        """The convolution of (batch, channel, rows, columns), channels last, as is the result.

        So many columns of zeros are put on each side; rows of zeros are not.
        """
        batch, channels, height, width = features.shape
        rows, across = height - 2, width + 2 * columns - 2
        tiles = (-(-rows // 2), -(-across // 2))
        cells = features.permute(0, 2, 3, 1)
        if rows % 2:
            cells = functional.pad(cells, (0, 0, 0, 0, 0, 1))

        # The columns of zeros need no sums: they are written where the sums of the others go.
        sums = self._room("sums", 4, batch, tiles[0], 2 * tiles[1] + 2, channels)
        sums[:, :, :, :columns] = 0
        sums[:, :, :, columns + width :] = 0
        _differences(cells, 1, sums[:, :, :, columns : columns + width])
        spread = self._room("spread", 4, 4, batch, *tiles, channels)
        _differences(sums, 3, spread.transpose(0, 1))

        outputs = self.weight.shape[2]
        products = self._room("products", 16, batch * tiles[0] * tiles[1], outputs)
        torch.bmm(spread.view(*products.shape[:2], channels), self.weight, out=products)
        halves = self._room("halves", 2, 4, batch, *tiles, outputs)
        _totals(products.view(4, 4, batch, *tiles, outputs), halves)
        result = features.new_empty(batch, tiles[0], 2, tiles[1], 2, outputs)
        _totals(halves.transpose(0, 1), result.permute(4, 2, 0, 1, 3, 5))
        if self.bias is not None:
            result += self.bias
        return result.view(batch, 2 * tiles[0], 2 * tiles[1], outputs)[:, :rows, :across].permute(
            0, 3, 1, 2
        )

    def _room(self, name: str, *shape: int) -> torch.Tensor:
        """Memory that the calls share: fresh pages would cost as much as what is put there."""
        size = torch.Size(shape).numel()
        if name not in self._rooms or self._rooms[name].numel() < size:
            self._rooms[name] = self.weight.new_empty(size)
        return self._rooms[name][:size].view(shape)


def _differences(values: torch.Tensor, axis: int, out: torch.Tensor) -> None:
    """What four neighbours give, at every second one along the axis: the paper's B^T d."""
    first, second, third, fourth = values.unfold(axis, 4, 2).unbind(-1)
    torch.sub(first, third, out=out[0])
    torch.add(second, third, out=out[1])
    torch.sub(third, second, out=out[2])
    torch.sub(second, fourth, out=out[3])


def _totals(values: torch.Tensor, out: torch.Tensor) -> None:
    """Two results of four products each, along the first axis: the paper's A^T m."""
    first, second, third, fourth = values
    torch.add(second, third, out=out[0]).add_(first)
    torch.sub(second, third, out=out[1]).sub_(fourth)
